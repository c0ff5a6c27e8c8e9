"""Token mixers of the ResNet-BK block, one per file; `models.<name>.mixer` in params.yaml names the file.

A mixer is a class `Mixer(torch.nn.Module)` with

- `Mixer(width: int, config: resnetbk.params.ResNetBK)`; `config.heads` divides `width`;
- `forward(u_BNE) -> y_BNE`, float32, shapes [batch, length, width]; position t of `y` may use positions
  0..t of `u` only;
- `state_size() -> int`, the bytes of state one sequence needs to decode its next token;
- `causal: bool`, what the class claims; the audit tests it.

The block around it has the projections, the convolution, the norm, the skip and the gate. Set
`parameter._no_weight_decay = True` on parameters that weight decay should leave alone; parameters with one
dimension or none get it without asking.
"""
