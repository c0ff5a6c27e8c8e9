"""What the literature describes, made causal: the resolvent's corner as features, mixed back linearly.

    g_t = 1 / (a_t - z - w^2 g_{t-1}),    z = E + i eta,    y_t = W [Re g_t, Im g_t]

with potential, hopping, eta and energies of `EdgeMixer`. No value passes from token to token: two numbers a
head and energy carry all that a position knows of its past.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from resnetbk.kernels.moebius import moebius_scan, moebius_scan_from_state
from resnetbk.models.resnet_bk.edge import EdgeMixer
from resnetbk.models.resnet_bk.weights import matrix
from resnetbk.params.models import ResNetBK

COMPLEX_BYTES = 8


class Mixer(EdgeMixer):
    takes_hybrid_gradient = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__(width, config)
        self.w_mix = matrix(width, 2 * config.heads * config.energies)

    def forward(self, u_BNE: Tensor) -> Tensor:
        a_BNJ, w_J, energy_J, eta_J = self.hamiltonian(u_BNE)
        g_BNJ = self._scan(a_BNJ, w_J.square(), energy_J, eta_J)
        return F.linear(torch.cat(g_BNJ, -1), self.w_mix)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return (Re g, Im g) before the first token: zeros, [B, J]."""
        joint = self.heads * self.energies
        return self.w_mix.new_zeros(batch, joint), self.w_mix.new_zeros(batch, joint)

    def step(self, u_BNE: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        a_BNJ, w_J, energy_J, eta_J = self.hamiltonian(u_BNE)
        *g_BNJ, state = moebius_scan_from_state(a_BNJ, w_J.square(), energy_J, eta_J, state)
        return F.linear(torch.cat(g_BNJ, -1), self.w_mix), state

    def state_size(self) -> int:
        """Return the bytes of g, complex, per head and energy."""
        return self.heads * self.energies * COMPLEX_BYTES

    def statistics(self, u_BNE: Tensor) -> dict[str, Tensor]:
        """Return those of `EdgeMixer`, but for the memory: g carries the past on, dg_t / dg_{t-1} = (w g_t)^2."""
        found = super().statistics(u_BNE)
        return {**found, "resolvent/memory_length": found["resolvent/memory_length"] / 2}

    def _scan(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        if self.hybrid_gradient == 0:
            return moebius_scan(*arguments)
        from resnetbk.models.resnet_bk.hybrid_gradient import hybrid_moebius_scan

        return hybrid_moebius_scan(*arguments, self.hybrid_gradient)
