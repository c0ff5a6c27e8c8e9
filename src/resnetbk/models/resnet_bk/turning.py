"""A memory that decays and turns by an angle that the token chooses: `phase` and `rotation` share it.

    alpha_t = e^(-kappa_t) e^(i theta_t)                    kappa > 0 per head, see `Decay`
    s_t     = alpha_t s_{t-1} + sqrt(1 - |alpha_t|^2) u_t   s_{-1} learned; with the readout of `Memory`

Complex transitions inside the unit circle follow a state (parity, counting), which positive real ones cannot:
Grazzi et al., "Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues", 2024.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.memory import Gate, Memory
from resnetbk.models.resnet_bk.potential import Decay
from resnetbk.models.resnet_bk.weights import matrix
from resnetbk.params.models import ResNetBK

WIDEST_COSINE = 0.9  # of the angles at the start: from 26 to 154 degrees, away from the circle's real points
SMALLEST_LOSS = 1e-12  # least 1 - |alpha|^2: the root's slope stays finite where nothing is forgotten


class TurningMixer(nn.Module):
    """The memory; a subclass says which angle the tokens' choice v_t = W u_t + b, one a head, becomes."""

    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.decay = Decay(width, config.heads)
        self.w_v = matrix(config.heads, width)
        self.bias = nn.Parameter(self.first_choice(torch.linspace(WIDEST_COSINE, -WIDEST_COSINE, config.heads)))
        many = config.energies > 1
        self.shift = nn.Parameter(torch.linspace(-1, 1, config.energies).repeat(config.heads)) if many else None
        self.memory = Memory(width, config.heads, config.energies)

    @staticmethod
    def first_choice(cosine_H: Tensor) -> Tensor:
        """Return the v whose angle has this cosine."""
        raise NotImplementedError

    def choice(self, u_BNE: Tensor) -> Tensor:
        """Return v_BNJ, that of energy k less the head's learned shift E_k, from -1 to 1 at the start."""
        v_BNH = F.linear(u_BNE, self.w_v, self.bias)
        return v_BNH if self.shift is None else v_BNH.repeat_interleave(self.energies, -1) - self.shift

    def gate(self, u_BNE: Tensor, turn_BNJ: tuple[Tensor, Tensor]) -> Gate:
        """Return Re alpha, Im alpha and sqrt(1 - |alpha|^2), [B, N, J] each, from e^(i theta)."""
        size_BNJ = torch.exp(-self.decay(u_BNE)).repeat_interleave(self.energies, -1)
        open_BNJ = torch.sqrt((1 - size_BNJ) * (1 + size_BNJ) + SMALLEST_LOSS)
        return size_BNJ * turn_BNJ[0], size_BNJ * turn_BNJ[1], open_BNJ
