"""The two-sided resolvent's diagonal as features: for encoders, since every position sees the whole sequence.

    G_t = 1 / (a_t - z - w^2 (l_{t-1} + r_{t+1})),    y_t = W [Re G_t, Im G_t]

G_t is entry (t, t) of (H - z)^{-1}; l is the resolvent's corner of what stands left of t (`diagonal`), r of what
stands right of it. Potential, hopping, eta and energies are those of `EdgeMixer`.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from resnetbk.models.resnet_bk.edge import EdgeMixer
from resnetbk.models.resnet_bk.two_sided import two_sided_diagonal
from resnetbk.models.resnet_bk.weights import matrix
from resnetbk.params.models import ResNetBK


class Mixer(EdgeMixer):
    causal = False

    def __init__(self, width: int, config: ResNetBK):
        super().__init__(width, config)
        self.w_mix = matrix(width, 2 * config.heads * config.energies)

    def forward(self, u_BNE: Tensor) -> Tensor:
        return F.linear(torch.cat(two_sided_diagonal(*self.hamiltonian(u_BNE)), -1), self.w_mix)
