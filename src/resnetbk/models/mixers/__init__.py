"""Token mixers of the ResNet-BK block, one per file; `models.<name>.mixer` in params.yaml names the file.

A mixer is a class `Mixer(torch.nn.Module)` with

- `Mixer(width: int, config: resnetbk.params.ResNetBK)`; `config.heads` divides `width`;
- `forward(u_BNE) -> y_BNE`, float32, shapes [batch, length, width]; position t of `y` may use positions
  0..t of `u` only;
- `initial_state(batch) -> state` (tensors in a tuple) and `step(u_BNE, state) -> (y_BNE, state)` for decoding:
  consecutive steps of any length give what one `forward` gives; no gradient is asked for, and the given state
  is left as it was. A mixer that is not causal, for encoders, has neither;
- `state_size() -> int`, the bytes of `initial_state(1)`;
- `causal: bool`, what the class claims; the audit tests it.

Three things are optional: `resolvent(u_BNE, state=None) -> (Re g_BNH, Im g_BNH)`, for a router that scatters, with
the state that `step` took with `u`; `takes_hybrid_gradient = True`, for one that heeds
`config.hybrid_gradient`; and `statistics(u_BNE) -> dict[str, Tensor]`, scalars without gradient that a training
logs by these names.

The block around it has the projections, the convolution, the norm, the skip and the gate. Set
`parameter._no_weight_decay = True` on parameters that weight decay should leave alone; parameters with one
dimension or none get it without asking.
"""
