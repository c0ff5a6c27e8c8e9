"""The resolvent as an operator on values: forward elimination of (H - z) s = u.

H is tridiagonal: a potential a_t on the diagonal that the token chooses, a hopping w beside it. Per head

    g_t = 1 / (a_t - z - w^2 g_{t-1})          z = E + i eta
    s_t = g_t (u_t + w s_{t-1})
    y_t = m_0 Re s_t + m_1 Im s_t              m per channel

at the band's lower edge, where w g tends to e^(-kappa / sqrt(w)):

    a_t = 2 w + kappa_t^2                      kappa > 0, see `Decay`
    w   = softplus(w_0), 1 at the start
    eta = exp(l_eta) + 1e-4,                   exp(l_eta) = config.eta at the start
    E   = 0 with one energy; with K of them -exp(l_E), below the edge, and

    s_k from B_k u in place of u,   y = m_0 Re sum_k C_k s_k + m_1 Im sum_k C_k s_k     see `Readout`

A gated linear recurrence whose gate w g_t is the resolvent of everything seen so far.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.kernels.propagator import propagator
from resnetbk.models.resnet_bk.potential import Decay, Detuning, Readout
from resnetbk.models.resnet_bk.weights import inverse_softplus
from resnetbk.params import ResNetBK

ETA_FLOOR = 1e-4
COMPLEX_BYTES = 8


class Mixer(nn.Module):
    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.hybrid_gradient = config.hybrid_gradient
        self.decay = Decay(width, config.heads)
        self.w_0 = nn.Parameter(inverse_softplus(torch.ones(config.heads)))
        self.l_eta = nn.Parameter(torch.full((config.heads,), math.log(config.eta)))
        self.m = nn.Parameter(0.5 + 0.5 * torch.randn(2, width))
        self.m._no_weight_decay = True
        self.detuning = Detuning(config.heads, config.energies) if config.energies > 1 else None
        self.readout = Readout(width, config.energies) if config.energies > 1 else None

    def forward(self, u_BNE: Tensor) -> Tensor:
        v_BNHP = u_BNE.unflatten(-1, (self.heads, -1))
        w_H, eta_H = F.softplus(self.w_0), torch.exp(self.l_eta) + ETA_FLOOR
        a_BNH = 2 * w_H + self.decay(u_BNE).square()
        if self.readout is None:
            s_re_BNHP, s_im_BNHP = self._propagate(v_BNHP, a_BNH, w_H, torch.zeros_like(w_H), eta_H)
        else:
            b_BNK, c_BNK = self.readout(u_BNE)
            a_BNJ, w_J, eta_J = (x.repeat_interleave(self.energies, -1) for x in (a_BNH, w_H, eta_H))
            v_BNJP = self.readout.write(v_BNHP, b_BNK)
            s_BNJP = self._propagate(v_BNJP, a_BNJ, w_J, -self.detuning(), eta_J)
            s_re_BNHP, s_im_BNHP = (self.readout.read(s, c_BNK) for s in s_BNJP)
        return torch.addcmul(s_re_BNHP.flatten(2) * self.m[0], s_im_BNHP.flatten(2), self.m[1])

    def _propagate(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        if self.hybrid_gradient == 0:
            return propagator(*arguments)
        from resnetbk.models.resnet_bk.hybrid_gradient import hybrid_propagator

        return hybrid_propagator(*arguments, self.hybrid_gradient)

    def state_size(self) -> int:
        """Return the bytes of g per head and s per channel, complex, at each energy."""
        return self.energies * (self.heads + self.m.shape[1]) * COMPLEX_BYTES
