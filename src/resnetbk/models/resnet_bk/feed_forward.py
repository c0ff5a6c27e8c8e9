"""The dense feed-forward layer: SwiGLU.

D model width, F hidden width. Source: Shazeer, "GLU Variants Improve Transformer", 2020.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.weights import matrix


class SwiGLU(nn.Module):
    """y = W_down (SiLU(W_gate x) * W_up x).

    **Arguments:** `width`: D. `hidden`: F. `scale`: factor on the initial W_down.
    """

    def __init__(self, width: int, hidden: int, scale: float):
        super().__init__()
        self.w_gate = matrix(hidden, width)
        self.w_up = matrix(hidden, width)
        self.w_down = matrix(width, hidden, scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map [..., D] to [..., D], each position by itself."""
        return F.linear(F.silu(F.linear(x, self.w_gate)) * F.linear(x, self.w_up), self.w_down)
