"""What a token's resolvent says to the router of a mixture of experts.

B batch, N length, H heads, X experts.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.feed_forward_block import Scattering
from resnetbk.models.resnet_bk.weights import matrix

GAIN = 4.0  # of V at the start: near the band's edge the features of a head vary by a few hundredths


class ScatteringRouter(nn.Module):
    """Router logits V [log |g|, Re g / |g| - 1, Im g / |g|] from the heads' resolvents.

    The unit vector stands for the phase: it has no branch cut and needs no arc tangent. It is taken from 1, its
    value at the band's edge, lest a constant choose the experts. V is normal at the start, not zero, so that the
    resolvent counts from the first step.

    **Arguments:** `heads`: H. `experts`: X.
    """

    def __init__(self, heads: int, experts: int):
        super().__init__()
        self.v = matrix(experts, 3 * heads, GAIN)

    def forward(self, scattering: Scattering) -> Tensor:
        """Return the logits, [B, N, X]."""
        return F.linear(torch.cat(features(*scattering), -1), self.v)


def features(g_re: Tensor, g_im: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log |g|, Re g / |g| - 1 and Im g / |g| of g != 0, each of the shape of Re g.

    |g| is taken relative to its larger part, whose square neither overflows nor vanishes; the scale cancels, so
    no gradient flows through it.
    """
    scale = torch.maximum(g_re.abs(), g_im.abs()).detach()
    re, im = g_re / scale, g_im / scale
    length = torch.sqrt(re * re + im * im)  # in [1, sqrt(2)]
    return torch.log(scale) + torch.log(length), re / length - 1, im / length
