"""The residual block around a feed-forward layer, which works on each position by itself.

B batch, N length, D model width, H heads.
"""

from __future__ import annotations

from torch import Tensor, nn

from resnetbk.models.language_model import State
from resnetbk.models.resnet_bk.block import EPSILON
from resnetbk.models.resnet_bk.weights import residual_scale
from resnetbk.models.sizing import even
from resnetbk.params.models import ResNetBK

Scattering = tuple[Tensor, Tensor]  # Re g_BNH and Im g_BNH of the mixer's resolvent


class FeedForwardBlock(nn.Module):
    """x + layer(RMSNorm(x)).

    **Arguments:** `width`: D. `layer`: maps [B, N, D] to [B, N, D].
    """

    def __init__(self, width: int, layer: nn.Module):
        super().__init__()
        self.norm = nn.RMSNorm(width, EPSILON)
        self.layer = layer

    def forward(self, x_BND: Tensor, scattering: Scattering | None = None) -> Tensor:
        return x_BND + self.layer(self.norm(x_BND))

    def initial_state(self, batch: int) -> State:
        """Return the layer's state before the first token; most have none."""
        return ()

    def step(self, x_BND: Tensor, state: State, scattering: Scattering | None = None) -> tuple[Tensor, State]:
        """Return what `forward` does for the next tokens, and the state after them."""
        return self(x_BND), state

    def state_size(self) -> int:
        """Return the bytes of the state of one sequence."""
        return 0


class MixtureBlock(FeedForwardBlock):
    """The same around a `MixtureOfExperts`, which may route by the resolvent and count what its experts took."""

    def forward(self, x_BND: Tensor, scattering: Scattering | None = None) -> Tensor:
        return x_BND + self.layer(self.norm(x_BND), scattering)

    def initial_state(self, batch: int) -> State:
        return self.layer.initial_state(batch)

    def step(self, x_BND: Tensor, state: State, scattering: Scattering | None = None) -> tuple[Tensor, State]:
        y_BND, state = self.layer.step(self.norm(x_BND), state, scattering)
        return x_BND + y_BND, state

    def state_size(self) -> int:
        return self.layer.state_size()


def build_feed_forward(width: int, config: ResNetBK) -> FeedForwardBlock | None:
    """Build what `config.ffn` asks for; the modules of the other kinds are not imported."""
    ffn, scale = config.ffn, residual_scale(config.layers)
    if ffn.kind == "none":
        return None
    hidden = even(ffn.ratio * width)
    if ffn.kind == "dense":
        from resnetbk.models.resnet_bk.feed_forward import SwiGLU

        return FeedForwardBlock(width, SwiGLU(width, hidden, scale))
    from resnetbk.models.resnet_bk.mixture_of_experts import MixtureOfExperts

    mixture = MixtureOfExperts(
        width,
        hidden,
        experts=ffn.experts,
        top_k=ffn.top_k,
        router=ffn.router,
        heads=config.heads,
        load_balance=ffn.load_balance,
        z_loss=ffn.z_loss,
        capacity_factor=ffn.capacity_factor,
        scale=scale,
    )
    return MixtureBlock(width, mixture)
