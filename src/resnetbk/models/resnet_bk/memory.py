"""A complex state that the tokens turn, damp and write to, from a learned start.

    s_t = alpha_t s_{t-1} + beta_t u_t      |beta|^2 = 1 - |alpha|^2; s_{-1} learned, real, per channel
    y_t = m_0 Re s_t + m_1 Im s_t           m per channel

and with K energies a head, each with its own alpha,

    s_k from B_k u in place of u,   y = m_0 Re sum_k C_k s_k + m_1 Im sum_k C_k s_k     see `Readout`

With beta on u a state keeps its size however long it remembers (Orvieto et al., "Resurrecting Recurrent
Neural Networks for Long Sequences", 2023, section 3.4), and one that never forgets, |alpha| = 1, takes nothing
in: it counts, and s_{-1} is what it counts with.

B batch, N length, E width, H heads, P channels of a head, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.kernels.complex_recurrence import complex_linear_recurrence, complex_linear_recurrence_from_state
from resnetbk.models.resnet_bk.potential import Readout

COMPLEX_BYTES = 8
Gate = tuple[Tensor, Tensor, Tensor]  # Re alpha, Im alpha and beta, [B, N, J] each


class Memory(nn.Module):
    """The state and its readout; whoever owns it says what alpha is.

    **Arguments:** `width`: E. `heads`: H. `energies`: K.
    """

    def __init__(self, width: int, heads: int, energies: int):
        super().__init__()
        self.m = nn.Parameter(0.5 + 0.5 * torch.randn(2, width))
        self.start = nn.Parameter(torch.randn(heads * energies, width // heads))
        self.m._no_weight_decay = self.start._no_weight_decay = True
        self.readout = Readout(width, energies) if energies > 1 else None

    def forward(self, u_BNE: Tensor, gate: Gate) -> Tensor:
        """Return y_BNE of whole sequences."""
        v_BNJP, c_BNK = self._written(u_BNE, gate)
        # The start is written by a token before the first, which nobody reads: so its gradient is the scan's.
        v_BMJP = torch.cat([self.start.expand(len(u_BNE), 1, *self.start.shape), v_BNJP], 1)
        alpha_BMJ = (F.pad(part, (0, 0, 1, 0)) for part in gate[:2])
        s_BMJP = complex_linear_recurrence(v_BMJP, *alpha_BMJ)
        return self._read(*(s[:, 1:] for s in s_BMJP), c_BNK)

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return (Re s, Im s) before the first token, [B, J, P] each: what was learned, and zeros."""
        start_BJP = self.start.detach().repeat(batch, 1, 1)
        return start_BJP, torch.zeros_like(start_BJP)

    def step(
        self, u_BNE: Tensor, gate: Gate, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return y_BNE of the next tokens, and the state after them."""
        v_BNJP, c_BNK = self._written(u_BNE, gate)
        *s_BNJP, state = complex_linear_recurrence_from_state(v_BNJP, *gate[:2], state)
        return self._read(*s_BNJP, c_BNK), state

    def state_size(self) -> int:
        """Return the bytes of s per channel, complex, at each energy."""
        return self.start.numel() * COMPLEX_BYTES

    def _written(self, u_BNE: Tensor, gate: Gate) -> tuple[Tensor, Tensor | None]:
        """Return what enters the state, [B, N, J, P], and C."""
        open_BNJ = gate[2]
        v_BNHP, c_BNK = u_BNE.unflatten(-1, (-1, self.start.shape[1])), None
        if self.readout is not None:
            b_BNK, c_BNK = self.readout(u_BNE)
            v_BNHP = self.readout.write(v_BNHP, b_BNK)
        return v_BNHP * open_BNJ[..., None], c_BNK

    def _read(self, s_re_BNJP: Tensor, s_im_BNJP: Tensor, c_BNK: Tensor | None) -> Tensor:
        if c_BNK is not None:
            s_re_BNJP, s_im_BNJP = (Readout.read(s, c_BNK) for s in (s_re_BNJP, s_im_BNJP))
        return torch.addcmul(s_re_BNJP.flatten(2) * self.m[0], s_im_BNJP.flatten(2), self.m[1])
