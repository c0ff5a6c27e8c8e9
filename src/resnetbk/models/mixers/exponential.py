"""The control: the propagator's block and parameters with a plain exponential gate and no resolvent.

    s_t = alpha_t s_{t-1} + u_t,    alpha_t = e^(-kappa_t)      kappa > 0 per head, see `Decay`
    y_t = m_0 s_t                                               m_0 per channel

which is what the propagator's gate tends to at the band's edge. With K energies a head, at the depths d_k of
`Detuning`, the same limit is alpha_k = e^(-sqrt(kappa^2 + d_k)), with B and C as there. `config.eta` has no
meaning here.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from resnetbk.errors import UserError
from resnetbk.kernels.recurrence import linear_recurrence
from resnetbk.models.resnet_bk.potential import Decay, Detuning, Readout
from resnetbk.params import ResNetBK

FLOAT_BYTES = 4


class Mixer(nn.Module):
    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        if config.hybrid_gradient:
            raise UserError(
                f"models: hybrid_gradient is {config.hybrid_gradient}, but the exponential mixer has no "
                "resolvent to differentiate; set it to 0"
            )
        self.heads, self.energies = config.heads, config.energies
        self.decay = Decay(width, config.heads)
        self.m_0 = nn.Parameter(0.5 + 0.5 * torch.randn(width))
        self.detuning = Detuning(config.heads, config.energies) if config.energies > 1 else None
        self.readout = Readout(width, config.energies) if config.energies > 1 else None

    def forward(self, u_BNE: Tensor) -> Tensor:
        kappa_BNH = self.decay(u_BNE)
        if self.readout is None:
            return self._recur(u_BNE.unflatten(-1, (self.heads, -1)), kappa_BNH).flatten(2) * self.m_0
        b_BNK, c_BNK = self.readout(u_BNE)
        kappa_BNJ = kappa_BNH.square().repeat_interleave(self.energies, -1).add(self.detuning()).sqrt()
        v_BNJP = self.readout.write(u_BNE.unflatten(-1, (self.heads, -1)), b_BNK)
        return self.readout.read(self._recur(v_BNJP, kappa_BNJ), c_BNK).flatten(2) * self.m_0

    @staticmethod
    def _recur(v_BNHP: Tensor, kappa_BNH: Tensor) -> Tensor:
        alpha_BNHP = torch.exp(-kappa_BNH)[..., None].expand_as(v_BNHP)
        return linear_recurrence(v_BNHP.flatten(2), alpha_BNHP.flatten(2)).view_as(v_BNHP)

    def state_size(self) -> int:
        """Return the bytes of s per channel at each energy."""
        return self.energies * len(self.m_0) * FLOAT_BYTES
