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

from resnetbk.kernels.recurrence import linear_recurrence, linear_recurrence_from_state
from resnetbk.models.resnet_bk.potential import Decay, Detuning, Readout
from resnetbk.params.models import ResNetBK

FLOAT_BYTES = 4


class Mixer(nn.Module):
    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.decay = Decay(width, config.heads)
        self.m_0 = nn.Parameter(0.5 + 0.5 * torch.randn(width))
        self.detuning = Detuning(config.heads, config.energies) if config.energies > 1 else None
        self.readout = Readout(width, config.energies) if config.energies > 1 else None

    def forward(self, u_BNE: Tensor) -> Tensor:
        v_BNI, alpha_BNI, c_BNK = self._arguments(u_BNE)
        return self._read(linear_recurrence(v_BNI, alpha_BNI), c_BNK)

    def initial_state(self, batch: int) -> tuple[Tensor]:
        """Return (s,) before the first token: zeros, [B, K E]."""
        return (self.m_0.new_zeros(batch, self.energies * len(self.m_0)),)

    def step(self, u_BNE: Tensor, state: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
        v_BNI, alpha_BNI, c_BNK = self._arguments(u_BNE)
        s_BNI, state = linear_recurrence_from_state(v_BNI, alpha_BNI, state)
        return self._read(s_BNI, c_BNK), state

    def state_size(self) -> int:
        """Return the bytes of s per channel at each energy."""
        return self.energies * len(self.m_0) * FLOAT_BYTES

    def _arguments(self, u_BNE: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return inputs and gates of the I = K E channels, and C."""
        kappa_BNJ, v_BNJP, c_BNK = self.decay(u_BNE), u_BNE.unflatten(-1, (self.heads, -1)), None
        if self.readout is not None:
            b_BNK, c_BNK = self.readout(u_BNE)
            kappa_BNJ = kappa_BNJ.square().repeat_interleave(self.energies, -1).add(self.detuning()).sqrt()
            v_BNJP = self.readout.write(v_BNJP, b_BNK)
        alpha_BNJP = torch.exp(-kappa_BNJ)[..., None].expand_as(v_BNJP)
        return v_BNJP.flatten(2), alpha_BNJP.flatten(2), c_BNK

    def _read(self, s_BNI: Tensor, c_BNK: Tensor | None) -> Tensor:
        if c_BNK is not None:
            s_BNI = Readout.read(s_BNI.unflatten(-1, (self.heads * self.energies, -1)), c_BNK).flatten(2)
        return s_BNI * self.m_0
