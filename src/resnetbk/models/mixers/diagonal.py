"""What the literature describes, made causal: the resolvent's corner as features, mixed back linearly.

    g_t = 1 / (a_t - z - w^2 g_{t-1}),    z = E + i eta,    y_t = W [Re g_t, Im g_t]

with potential, hopping, eta and energies as in `propagator`. No value passes from token to token: two numbers
a head and energy carry all that a position knows of its past.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.kernels.moebius import moebius_scan
from resnetbk.models.resnet_bk.potential import Decay, Detuning
from resnetbk.models.resnet_bk.weights import inverse_softplus, matrix
from resnetbk.params import ResNetBK

ETA_FLOOR = 1e-4
COMPLEX_BYTES = 8


class Mixer(nn.Module):
    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.energies = config.energies
        self.hybrid_gradient = config.hybrid_gradient
        self.decay = Decay(width, config.heads)
        self.w_0 = nn.Parameter(inverse_softplus(torch.ones(config.heads)))
        self.l_eta = nn.Parameter(torch.full((config.heads,), math.log(config.eta)))
        self.detuning = Detuning(config.heads, config.energies) if config.energies > 1 else None
        self.w_mix = matrix(width, 2 * config.heads * config.energies)

    def forward(self, u_BNE: Tensor) -> Tensor:
        w_H, eta_H = F.softplus(self.w_0), torch.exp(self.l_eta) + ETA_FLOOR
        a_BNH = 2 * w_H + self.decay(u_BNE).square()
        a_BNJ, w_J, eta_J = (x.repeat_interleave(self.energies, -1) for x in (a_BNH, w_H, eta_H))
        energy_J = -self.detuning() if self.detuning is not None else torch.zeros_like(w_J)
        g_BNJ = self._scan(a_BNJ, w_J.square(), energy_J, eta_J)
        return F.linear(torch.cat(g_BNJ, -1), self.w_mix)

    def _scan(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        if self.hybrid_gradient == 0:
            return moebius_scan(*arguments)
        from resnetbk.models.resnet_bk.hybrid_gradient import hybrid_moebius_scan

        return hybrid_moebius_scan(*arguments, self.hybrid_gradient)

    def state_size(self) -> int:
        """Return the bytes of g, complex, per head and energy."""
        return self.w_mix.shape[1] // 2 * COMPLEX_BYTES
