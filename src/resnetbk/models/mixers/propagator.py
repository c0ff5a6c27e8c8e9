"""The resolvent as an operator on values: forward elimination of (H - z) s = u.

With a potential a_t that the token chooses, at the band's lower edge (`EdgeMixer` has the formulas), per head

    g_t = 1 / (a_t - z - w^2 g_{t-1})          z = E + i eta
    s_t = g_t (u_t + w s_{t-1})
    y_t = m_0 Re s_t + m_1 Im s_t              m per channel

and with K energies a head

    s_k from B_k u in place of u,   y = m_0 Re sum_k C_k s_k + m_1 Im sum_k C_k s_k     see `Readout`

A gated linear recurrence whose gate w g_t is the resolvent of everything seen so far.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from resnetbk.kernels.propagator import propagator, propagator_from_state
from resnetbk.models.resnet_bk.edge import EdgeMixer
from resnetbk.models.resnet_bk.potential import Readout
from resnetbk.params.models import ResNetBK

COMPLEX_BYTES = 8


class Mixer(EdgeMixer):
    takes_hybrid_gradient = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__(width, config)
        self.m = nn.Parameter(0.5 + 0.5 * torch.randn(2, width))
        self.m._no_weight_decay = True
        self.readout = Readout(width, config.energies) if config.energies > 1 else None

    def forward(self, u_BNE: Tensor) -> Tensor:
        v_BNJP, c_BNK = self._values(u_BNE)
        return self._read(*self._propagate(v_BNJP, *self.hamiltonian(u_BNE)), c_BNK)

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        """Return (Re g, Im g, Re s, Im s) of H_{-1}: zeros, [B, J] and [B, J, P]."""
        joint, channels = self.heads * self.energies, self.m.shape[1] // self.heads
        return tuple(self.m.new_zeros(batch, joint, *tail) for tail in ((), (), (channels,), (channels,)))

    def step(self, u_BNE: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        v_BNJP, c_BNK = self._values(u_BNE)
        s_re_BNJP, s_im_BNJP, state = propagator_from_state(v_BNJP, *self.hamiltonian(u_BNE), state)
        return self._read(s_re_BNJP, s_im_BNJP, c_BNK), state

    def state_size(self) -> int:
        """Return the bytes of g per head and s per channel, complex, at each energy."""
        return self.energies * (self.heads + self.m.shape[1]) * COMPLEX_BYTES

    def _values(self, u_BNE: Tensor) -> tuple[Tensor, Tensor | None]:
        v_BNHP = u_BNE.unflatten(-1, (self.heads, -1))
        if self.readout is None:
            return v_BNHP, None
        b_BNK, c_BNK = self.readout(u_BNE)
        return self.readout.write(v_BNHP, b_BNK), c_BNK

    def _read(self, s_re_BNJP: Tensor, s_im_BNJP: Tensor, c_BNK: Tensor | None) -> Tensor:
        if c_BNK is not None:
            s_re_BNJP, s_im_BNJP = (Readout.read(s, c_BNK) for s in (s_re_BNJP, s_im_BNJP))
        return torch.addcmul(s_re_BNJP.flatten(2) * self.m[0], s_im_BNJP.flatten(2), self.m[1])

    def _propagate(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        if self.hybrid_gradient == 0:
            return propagator(*arguments)
        from resnetbk.models.resnet_bk.hybrid_gradient import hybrid_propagator

        return hybrid_propagator(*arguments, self.hybrid_gradient)
