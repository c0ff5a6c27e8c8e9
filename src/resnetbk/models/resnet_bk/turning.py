"""A recurrence whose state decays and turns by an angle that the token chooses: `phase` and `rotation` share it.

    s_t = e^(-kappa_t) e^(i theta_t) s_{t-1} + u_t          kappa > 0 per head, see `Decay`
    y_t = m_0 Re s_t + m_1 Im s_t                           m per channel

and with K energies a head, each with its own angle,

    s_k from B_k u in place of u,   y = m_0 Re sum_k C_k s_k + m_1 Im sum_k C_k s_k     see `Readout`

Complex transitions inside the unit circle follow a state (parity, counting), which positive real ones cannot:
Grazzi et al., "Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues", 2024.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.kernels.complex_recurrence import complex_linear_recurrence, complex_linear_recurrence_from_state
from resnetbk.models.resnet_bk.potential import Decay, Readout
from resnetbk.models.resnet_bk.weights import matrix
from resnetbk.params.models import ResNetBK

WIDEST_COSINE = 0.9  # of the angles at the start: from 26 to 154 degrees, away from the circle's real points


class TurningMixer(nn.Module):
    """The recurrence; a subclass says which angle the tokens' choice v_t = W u_t + b, one a head, becomes."""

    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.decay = Decay(width, config.heads)
        self.w_v = matrix(config.heads, width)
        self.bias = nn.Parameter(self.first_choice(torch.linspace(WIDEST_COSINE, -WIDEST_COSINE, config.heads)))
        self.m = nn.Parameter(0.5 + 0.5 * torch.randn(2, width))
        self.m._no_weight_decay = True
        many = config.energies > 1
        self.shift = nn.Parameter(torch.linspace(-1, 1, config.energies).repeat(config.heads)) if many else None
        self.readout = Readout(width, config.energies) if many else None

    @staticmethod
    def first_choice(cosine_H: Tensor) -> Tensor:
        """Return the v whose angle has this cosine."""
        raise NotImplementedError

    def choice(self, u_BNE: Tensor) -> Tensor:
        """Return v_BNJ, that of energy k less the head's learned shift E_k, from -1 to 1 at the start."""
        v_BNH = F.linear(u_BNE, self.w_v, self.bias)
        return v_BNH if self.shift is None else v_BNH.repeat_interleave(self.energies, -1) - self.shift

    def recur(self, u_BNE: Tensor, turn_BNJ: tuple[Tensor, Tensor]) -> Tensor:
        """Run the recurrence from its start, with e^(i theta), and read y_BNE."""
        v_BNJP, alpha_BNJ, c_BNK = self._arguments(u_BNE, turn_BNJ)
        return self._read(*complex_linear_recurrence(v_BNJP, *alpha_BNJ), c_BNK)

    def recur_from(
        self, u_BNE: Tensor, turn_BNJ: tuple[Tensor, Tensor], state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run it from (Re s, Im s), [B, J, P] each; return y_BNE and the state after."""
        v_BNJP, alpha_BNJ, c_BNK = self._arguments(u_BNE, turn_BNJ)
        *s_BNJP, state = complex_linear_recurrence_from_state(v_BNJP, *alpha_BNJ, state)
        return self._read(*s_BNJP, c_BNK), state

    def recurrent_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return (Re s, Im s) before the first token."""
        shape = batch, self.heads * self.energies, self.m.shape[1] // self.heads
        return self.m.new_zeros(shape), self.m.new_zeros(shape)

    def _arguments(
        self, u_BNE: Tensor, turn_BNJ: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, list[Tensor], Tensor | None]:
        size_BNJ, v_BNJP, c_BNK = torch.exp(-self.decay(u_BNE)), u_BNE.unflatten(-1, (self.heads, -1)), None
        if self.readout is not None:
            b_BNK, c_BNK = self.readout(u_BNE)
            size_BNJ = size_BNJ.repeat_interleave(self.energies, -1)
            v_BNJP = self.readout.write(v_BNJP, b_BNK)
        return v_BNJP, [size_BNJ * part for part in turn_BNJ], c_BNK

    def _read(self, s_re_BNJP: Tensor, s_im_BNJP: Tensor, c_BNK: Tensor | None) -> Tensor:
        if c_BNK is not None:
            s_re_BNJP, s_im_BNJP = (Readout.read(s, c_BNK) for s in (s_re_BNJP, s_im_BNJP))
        return torch.addcmul(s_re_BNJP.flatten(2) * self.m[0], s_im_BNJP.flatten(2), self.m[1])
