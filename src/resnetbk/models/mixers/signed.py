"""The control for `scattering`: the same memory with a plain real gate in (-1, 1) and no resolvent.

    alpha_t = v_t / sqrt(1 + v_t^2),   v_t = W u_t + b              per head
    s_t     = alpha_t s_{t-1} + sqrt(1 - alpha_t^2) u_t             s_{-1} learned, per channel
    y_t     = m_0 s_t                                               m_0 per channel

Negative transitions follow a parity, which positive ones cannot, and no count modulo more than 2: Grazzi et al.,
"Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues", 2024. With K energies a head, v_t - E_k in
place of v_t, with learned shifts E_k, and B and C of `Readout`. `config.eta` has no meaning here.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.kernels.recurrence import linear_recurrence, linear_recurrence_from_state
from resnetbk.models.resnet_bk.potential import Readout
from resnetbk.models.resnet_bk.weights import matrix
from resnetbk.params.models import ResNetBK

FLOAT_BYTES = 4
WIDEST_CHOICE = 4.0  # of the heads at the start: gates from -0.97 to 0.97


class Mixer(nn.Module):
    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.w_v = matrix(config.heads, width)
        self.bias = nn.Parameter(torch.linspace(WIDEST_CHOICE, -WIDEST_CHOICE, config.heads))
        self.m_0 = nn.Parameter(0.5 + 0.5 * torch.randn(width))
        self.start = nn.Parameter(torch.randn(config.energies * width))
        many = config.energies > 1
        self.shift = nn.Parameter(torch.linspace(-1, 1, config.energies).repeat(config.heads)) if many else None
        self.readout = Readout(width, config.energies) if many else None

    def forward(self, u_BNE: Tensor) -> Tensor:
        v_BNI, alpha_BNI, c_BNK = self._arguments(u_BNE)
        # The start is written by a token before the first, which nobody reads.
        v_BMI = torch.cat([self.start.expand(len(u_BNE), 1, -1), v_BNI], 1)
        s_BMI = linear_recurrence(v_BMI, F.pad(alpha_BNI, (0, 0, 1, 0)))
        return self._read(s_BMI[:, 1:], c_BNK)

    def initial_state(self, batch: int) -> tuple[Tensor]:
        """Return (s,) before the first token, [B, K E]: what was learned."""
        return (self.start.detach().repeat(batch, 1),)

    def step(self, u_BNE: Tensor, state: tuple[Tensor]) -> tuple[Tensor, tuple[Tensor]]:
        v_BNI, alpha_BNI, c_BNK = self._arguments(u_BNE)
        s_BNI, state = linear_recurrence_from_state(v_BNI, alpha_BNI, state)
        return self._read(s_BNI, c_BNK), state

    def state_size(self) -> int:
        """Return the bytes of s per channel at each energy."""
        return len(self.start) * FLOAT_BYTES

    def _arguments(self, u_BNE: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return inputs and gates of the I = K E channels, and C."""
        choice_BNJ, c_BNK = F.linear(u_BNE, self.w_v, self.bias), None
        v_BNJP = u_BNE.unflatten(-1, (self.heads, -1))
        if self.readout is not None:
            b_BNK, c_BNK = self.readout(u_BNE)
            choice_BNJ = choice_BNJ.repeat_interleave(self.energies, -1) - self.shift
            v_BNJP = self.readout.write(v_BNJP, b_BNK)
        open_BNJ = 1 / torch.sqrt(1 + choice_BNJ * choice_BNJ)
        alpha_BNJP = (choice_BNJ * open_BNJ)[..., None].expand_as(v_BNJP)
        return (v_BNJP * open_BNJ[..., None]).flatten(2), alpha_BNJP.flatten(2), c_BNK

    def _read(self, s_BNI: Tensor, c_BNK: Tensor | None) -> Tensor:
        if c_BNK is not None:
            s_BNI = Readout.read(s_BNI.unflatten(-1, (self.heads * self.energies, -1)), c_BNK).flatten(2)
        return s_BNI * self.m_0
