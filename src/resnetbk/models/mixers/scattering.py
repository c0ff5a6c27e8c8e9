"""A token scatters the memory: one site of the resolvent between two leads, the memory's and the token's.

The token chooses the site's potential a and how strongly it couples to either lead, p and q, per head:

    (a, p, q)_t = W u_t + b
    g_t         = 1 / (a_t - i (p_t^2 + q_t^2))            the site's resolvent: a lead adds its width to -Im
    S           = 1 + 2 i (p, q)^T g (p, q)                the scattering matrix, unitary and symmetric
    alpha_t     = S_11 = 1 + 2 i p_t^2 g_t                 what comes back into the memory of what was there
    s_t         = S_11 s_{t-1} + 2 p_t q_t |g_t| u_t       S_12 without its phase; the readout: see `Memory`

S is unitary, so |S_12|^2 = 4 p^2 q^2 |g|^2 = 1 - |alpha|^2: what the memory loses and what the token may write are
one number. Every alpha of the closed unit disc is within reach: without the token's lead (q = 0) the state turns
by 2 atan(p^2 / a), the phase shift of a Breit-Wigner resonance, all around the circle; uncoupled (p = 0) it stays
as it is, with an error of second order; at resonance (a = 0) alpha is real, from -1 to 1, and 0 at p = q, where
the memory is emptied and the token takes its place. Turns, signs, decay and reset need + * / and a root alone.

At the start every other head is a counter, with a weak lead of the token (little is lost and little written),
and the rest are memories, with a weak lead of their own (slow decay); the stronger lead is sqrt(config.eta).

With K energies a head, a_t - E_k in place of a_t, with learned shifts E_k from -1 to 1 at the start.

Source of S: Mahaux and Weidenmueller, "Shell-Model Approach to Nuclear Reactions", 1969,

    S = 1 - 2 pi i W^T (E - H + i pi W W^T)^-1 W           with W = (p, q) / sqrt(pi), H - E = a.

B batch, N length, E width, H heads, K energies, J = H K.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.models.resnet_bk.memory import Gate, Memory
from resnetbk.models.resnet_bk.statistics import resolvent_statistics
from resnetbk.models.resnet_bk.weights import matrix
from resnetbk.params.models import ResNetBK

WIDEST_POTENTIAL = 1.0  # of the heads at the start, on either side of the resonance
WEAKEST_COUPLING = 0.01  # of a weak lead at the start, in the strong one
WIDTH_FLOOR = 1e-6  # of the site: |g| stays below 1e6, whatever is learned


class Mixer(nn.Module):
    causal = True

    def __init__(self, width: int, config: ResNetBK):
        super().__init__()
        self.heads, self.energies = config.heads, config.energies
        self.w_apq = matrix(3 * config.heads, width)
        a_H = torch.linspace(WIDEST_POTENTIAL, -WIDEST_POTENTIAL, config.heads)
        p_H, q_H = torch.ones(2, config.heads)
        p_H[1::2] = WEAKEST_COUPLING ** torch.rand(config.heads // 2)
        q_H[0::2] = WEAKEST_COUPLING ** torch.rand(config.heads - config.heads // 2)
        self.bias = nn.Parameter(torch.cat([a_H, config.eta**0.5 * p_H, config.eta**0.5 * q_H]))
        many = config.energies > 1
        self.shift = nn.Parameter(torch.linspace(-1, 1, config.energies).repeat(config.heads)) if many else None
        self.memory = Memory(width, config.heads, config.energies)

    def forward(self, u_BNE: Tensor) -> Tensor:
        return self.memory(u_BNE, self.scatter(u_BNE))

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        """Return (Re s, Im s) before the first token; see `Memory`."""
        return self.memory.initial_state(batch)

    def step(self, u_BNE: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return self.memory.step(u_BNE, self.scatter(u_BNE), state)

    def state_size(self) -> int:
        """Return the bytes of s per channel, complex, at each energy."""
        return self.memory.state_size()

    def resolvent(self, u_BNE: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, Tensor]:
        """Return Re g and Im g of each head at its first energy, [B, N, H]; no `state` enters them."""
        a_BNJ, *_, width_BNJ, inverse_BNJ = self._site(u_BNE)
        return tuple((part * inverse_BNJ)[..., :: self.energies] for part in (a_BNJ, width_BNJ))

    @torch.no_grad()
    def statistics(self, u_BNE: Tensor) -> dict[str, Tensor]:
        """Return `resolvent_statistics` at the first energy; |S_11| of the memory stays."""
        s_re_BNH, s_im_BNH = (part[..., :: self.energies] for part in self.scatter(u_BNE)[:2])
        kept_BNH = torch.sqrt(s_re_BNH * s_re_BNH + s_im_BNH * s_im_BNH)
        return resolvent_statistics(*self.resolvent(u_BNE), kept_BNH)

    def scatter(self, u_BNE: Tensor) -> Gate:
        """Return Re S_11, Im S_11 and 2 p q |g|, [B, N, J]; energy k of head h stands at h K + k."""
        a_BNJ, p_BNJ, q_BNJ, width_BNJ, inverse_BNJ = self._site(u_BNE)
        twice_BNJ = 2 * p_BNJ * p_BNJ * inverse_BNJ
        return (
            1 - twice_BNJ * width_BNJ,
            twice_BNJ * a_BNJ,
            2 * p_BNJ * q_BNJ * torch.sqrt(inverse_BNJ),
        )

    def _site(self, u_BNE: Tensor) -> tuple[Tensor, ...]:
        """Return a, p, q, the site's width p^2 + q^2 and |g|^2."""
        a_BNJ, p_BNJ, q_BNJ = F.linear(u_BNE, self.w_apq, self.bias).chunk(3, -1)
        if self.shift is not None:
            a_BNJ, p_BNJ, q_BNJ = (x.repeat_interleave(self.energies, -1) for x in (a_BNJ, p_BNJ, q_BNJ))
            a_BNJ = a_BNJ - self.shift
        width_BNJ = p_BNJ * p_BNJ + q_BNJ * q_BNJ + WIDTH_FLOOR
        return a_BNJ, p_BNJ, q_BNJ, width_BNJ, 1 / (a_BNJ * a_BNJ + width_BNJ * width_BNJ)
