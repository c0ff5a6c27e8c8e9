"""The angle from the resolvent, the size from a gate: state tracking by scattering.

    g_t     = 1 / (a_t - i eta - g_{t-1}),   a_t = 2 v_t,   v_t = W u_t + b       per head
    alpha_t = e^(-kappa_t) g_t / |g_t|                                            kappa > 0, see `Decay`
    s_t     = alpha_t s_{t-1} + sqrt(1 - |alpha_t|^2) u_t    see `TurningMixer`

Inside the band of the hopping w = 1, |v| < 1, and for a potential that stays, g = e^(i theta) with
cos theta = v as eta -> 0: the token turns the state by an angle in (0, pi), and what was seen before bends it.
Beyond the band the angle tends to 0 or pi, so all of (0, pi) is within reach; |alpha| < 1 whatever g does, so a
resonance, |g| up to 1 / eta, does no harm. The hopping needs no parameter, for only a / w and eta / w count.

eta is how fast the resolvent forgets, by e^(-eta / sin theta) a token. It also rounds off the corners of the
arc cosine at v = -1 and 1, where its slope is infinite. g starts from 0 and hence near the real axis, where the
angle jumps between 0 and pi, and leaves it as it forgets: `config.eta`, learned from there per head, should be
0.3 to 1 here.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from resnetbk.kernels.moebius import moebius_scan, moebius_scan_from_state
from resnetbk.models.resnet_bk.resolvent import ETA_FLOOR, first_resolvent
from resnetbk.models.resnet_bk.statistics import resolvent_statistics
from resnetbk.models.resnet_bk.turning import TurningMixer
from resnetbk.params.models import ResNetBK

COMPLEX_BYTES = 8
LARGEST_POTENTIAL = 1e6  # farther out the angle is 0 or pi to all of float32's digits, and |g| would vanish


class Mixer(TurningMixer):
    def __init__(self, width: int, config: ResNetBK):
        super().__init__(width, config)
        self.l_eta = nn.Parameter(torch.full((config.heads,), math.log(config.eta)))

    def forward(self, u_BNE: Tensor) -> Tensor:
        turn_BNJ = _direction(*moebius_scan(*self._hamiltonian(u_BNE)))
        return self.memory(u_BNE, self.gate(u_BNE, turn_BNJ))

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        """Return (Re g, Im g, Re s, Im s) before the first token: zeros, [B, J] each, and see `Memory`."""
        g_BJ = self.bias.new_zeros(batch, self.heads * self.energies)
        return g_BJ, g_BJ.clone(), *self.memory.initial_state(batch)

    def step(self, u_BNE: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        *g_BNJ, g_BJ = moebius_scan_from_state(*self._hamiltonian(u_BNE), state[:2])
        y_BNE, s_BJP = self.memory.step(u_BNE, self.gate(u_BNE, _direction(*g_BNJ)), state[2:])
        return y_BNE, (*g_BJ, *s_BJP)

    def state_size(self) -> int:
        """Return the bytes of g per head and s per channel, complex, at each energy."""
        return self.energies * self.heads * COMPLEX_BYTES + self.memory.state_size()

    def resolvent(self, u_BNE: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, Tensor]:
        """Return Re g and Im g of each head at its first energy, [B, N, H]; see `EdgeMixer.resolvent`."""
        return first_resolvent(*self._hamiltonian(u_BNE), self.energies, state)

    @torch.no_grad()
    def statistics(self, u_BNE: Tensor) -> dict[str, Tensor]:
        """Return `resolvent_statistics`, and how many potentials were `resolvent/clamped` to the largest."""
        found = resolvent_statistics(*self.resolvent(u_BNE), torch.exp(-self.decay(u_BNE)))
        clamped = (2 * self.choice(u_BNE)).abs() > LARGEST_POTENTIAL
        return {**found, "resolvent/clamped": clamped.sum()}

    @staticmethod
    def first_choice(cosine_H: Tensor) -> Tensor:
        return cosine_H

    def _hamiltonian(self, u_BNE: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return a_BNJ, w^2_J, E_J and eta_J; the shifts of the energies are in the potential already."""
        a_BNJ = (2 * self.choice(u_BNE)).clamp(-LARGEST_POTENTIAL, LARGEST_POTENTIAL)
        eta_J = (torch.exp(self.l_eta) + ETA_FLOOR).repeat_interleave(self.energies, -1)
        return a_BNJ, torch.ones_like(eta_J), torch.zeros_like(eta_J), eta_J


def _direction(g_re_BNJ: Tensor, g_im_BNJ: Tensor) -> tuple[Tensor, Tensor]:
    """Return g / |g|."""
    size_BNJ = torch.sqrt(g_re_BNJ * g_re_BNJ + g_im_BNJ * g_im_BNJ)
    return g_re_BNJ / size_BNJ, g_im_BNJ / size_BNJ
