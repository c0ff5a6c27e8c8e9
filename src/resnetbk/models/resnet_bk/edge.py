"""A tridiagonal Hamiltonian whose potential the tokens choose, at the lower edge of its band.

Per head: a potential a_t on the diagonal, a hopping w beside it, and z = E + i eta, with

    a_t = 2 w + kappa_t^2                      kappa > 0, see `Decay`
    w   = softplus(w_0), 1 at the start
    eta = exp(l_eta) + 1e-4,                   exp(l_eta) = config.eta at the start
    E   = 0 with one energy; with K of them -exp(l_E), below the edge, see `Detuning`

so that w g, with g the causal resolvent, tends to e^(-kappa / sqrt(w)).

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.potential import Decay, Detuning
from resnetbk.models.resnet_bk.resolvent import ETA_FLOOR, first_resolvent
from resnetbk.models.resnet_bk.statistics import resolvent_statistics
from resnetbk.models.resnet_bk.weights import inverse_softplus
from resnetbk.params.models import ResNetBK


class EdgeMixer(nn.Module):
    """What the mixers at the band's edge share: the Hamiltonian and its causal resolvent."""

    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.hybrid_gradient = config.hybrid_gradient
        self.decay = Decay(width, config.heads)
        self.w_0 = nn.Parameter(inverse_softplus(torch.ones(config.heads)))
        self.l_eta = nn.Parameter(torch.full((config.heads,), math.log(config.eta)))
        self.detuning = Detuning(config.heads, config.energies) if config.energies > 1 else None

    def hamiltonian(self, u_BNE: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return a_BNJ, w_J, E_J and eta_J; energy k of head h stands at h K + k."""
        w_H, eta_H = F.softplus(self.w_0), torch.exp(self.l_eta) + ETA_FLOOR
        a_BNH = 2 * w_H + self.decay(u_BNE).square()
        if self.detuning is None:
            return a_BNH, w_H, torch.zeros_like(w_H), eta_H
        a_BNJ, w_J, eta_J = (x.repeat_interleave(self.energies, -1) for x in (a_BNH, w_H, eta_H))
        return a_BNJ, w_J, -self.detuning(), eta_J

    def resolvent(self, u_BNE: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, Tensor]:
        """Return Re g and Im g of each head at its first energy, [B, N, H], with the exact gradient.

        **Arguments:** `u_BNE`: the mixer's input; `state`: what `step` took with it (then without a gradient),
        None at a sequence's start.
        """
        a_BNJ, w_J, energy_J, eta_J = self.hamiltonian(u_BNE)
        return first_resolvent(a_BNJ, w_J * w_J, energy_J, eta_J, self.energies, state)

    @torch.no_grad()
    def statistics(self, u_BNE: Tensor) -> dict[str, Tensor]:
        """Return `resolvent_statistics` of an input, at the first energy; w |g| of a value is carried on."""
        g_re_BNH, g_im_BNH = self.resolvent(u_BNE)
        size_BNH = torch.sqrt(g_re_BNH * g_re_BNH + g_im_BNH * g_im_BNH)
        return resolvent_statistics(g_re_BNH, g_im_BNH, F.softplus(self.w_0) * size_BNH)
