"""One layer: a mixer block and, if the configuration has one, a feed-forward block.

B batch, N length, D model width, E inner width, H heads.
"""

from __future__ import annotations

from torch import Tensor, nn

from resnetbk.errors import UserError
from resnetbk.models.language_model import State
from resnetbk.models.resnet_bk.block import MixerBlock
from resnetbk.models.resnet_bk.feed_forward_block import build_feed_forward
from resnetbk.models.resnet_bk.weights import residual_scale
from resnetbk.params.models import ResNetBK


class Layer(nn.Module):
    """The mixer block, then the feed-forward block, which a scattering router has told of the resolvent.

    **Arguments:** `mixer`: the class. `width`: D. `inner`: E. `config`: the model's section of params.yaml.
    **Raises:** `UserError` when the router scatters and the mixer has no resolvent.
    """

    def __init__(self, mixer: type[nn.Module], width: int, inner: int, config: ResNetBK):
        super().__init__()
        self.scatters = config.ffn.kind == "mixture_of_experts" and config.ffn.router == "scattering"
        if self.scatters and not hasattr(mixer, "resolvent"):
            raise UserError(
                f"models: ffn.router is 'scattering', but mixer {config.mixer!r} has no resolvent to route by; "
                "set it to linear, or choose a mixer that has one, such as propagator"
            )
        self.block = MixerBlock(
            mixer(inner, config),
            width=width,
            inner=inner,
            kernel=config.convolution,
            scale=residual_scale(config.layers),
        )
        self.feed_forward = build_feed_forward(width, config)

    def forward(self, x_BND: Tensor) -> Tensor:
        x_BND, u_BNE = self.block(x_BND)
        if self.feed_forward is None:
            return x_BND
        return self.feed_forward(x_BND, self.block.mixer.resolvent(u_BNE) if self.scatters else None)

    def initial_state(self, batch: int) -> State:
        """Return the states of the two blocks before the first token."""
        of_experts = () if self.feed_forward is None else self.feed_forward.initial_state(batch)
        return self.block.initial_state(batch), of_experts

    def step(self, x_BND: Tensor, state: State) -> tuple[Tensor, State]:
        """Return what `forward` does for the next tokens, and the state after them."""
        (past, of_mixer), of_experts = state
        x_BND, u_BNE, of_block = self.block.step(x_BND, (past, of_mixer))
        if self.feed_forward is not None:
            g_BNH = self.block.mixer.resolvent(u_BNE, of_mixer) if self.scatters else None
            x_BND, of_experts = self.feed_forward.step(x_BND, of_experts, g_BNH)
        return x_BND, (of_block, of_experts)

    def state_size(self) -> int:
        """Return the bytes of the state of one sequence."""
        return self.block.state_size() + (0 if self.feed_forward is None else self.feed_forward.state_size())
