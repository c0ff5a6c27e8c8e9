"""How many tokens an expert has room for, decided by a sequence's own past.

B batch, N length, X experts, k choices of a token.
"""

from __future__ import annotations

from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

Taken = tuple[Tensor, Tensor]  # int64: tokens each expert has taken, [B, X]; tokens of the sequence so far, [B]

LARGEST_DENOMINATOR = 10**6  # of a capacity factor read as a fraction


class Capacity:
    """An expert takes the token at position t while it took fewer than ceil(c (t + 1) k / X) before it.

    The usual capacity is one number for the batch: who is dropped then depends on the other sequences and, for
    the length, on the future. This one counts within the sequence and grows with it, so it is causal, and the
    same for a sequence alone, in a batch, whole or in chunks.

    **Arguments:** `factor`: c > 0; 1 is room for an even load, X / k drops nothing. `experts`: X. `top_k`: k.
    """

    def __init__(self, factor: float, experts: int, top_k: int):
        # As a fraction, since ceil would lift what rounds to just above a whole number.
        share = Fraction(factor).limit_denominator(LARGEST_DENOMINATOR) * top_k / experts
        self.numerator, self.denominator = share.as_integer_ratio()
        self.experts = experts

    def initial_state(self, batch: int, device: torch.device) -> Taken:
        """Return the state before the first token of each sequence: nothing taken."""
        zeros_BX = torch.zeros(batch, self.experts, dtype=torch.int64, device=device)
        return zeros_BX, zeros_BX.new_zeros(batch)

    def admit(self, choice_BNk: Tensor, state: Taken) -> tuple[Tensor, Taken]:
        """Find room for the choices of the next N tokens of each sequence.

        With r_t = 1 if a token asks for an expert, that has taken n_t = min(n_(t-1) + r_t, limit_t) after it,
        for the limit never falls. Unrolled, with R_t = r_0 + ... + r_t:

            n_t = R_t + min(n_(-1), min over s <= t of limit_s - R_s)

        **Arguments:** `choice`: int64 indices of experts, all different within a token. `state`: as
        `initial_state` or `admit` returned it; left as it is.
        **Returns:** whether each choice found room, bool [B, N, k], and the state after the N tokens.
        """
        taken_BX, position_B = state
        seen_BN = position_B[:, None] + torch.arange(1, choice_BNk.shape[1] + 1, device=choice_BNk.device)
        limit_BN = (seen_BN * self.numerator).add(self.denominator - 1) // self.denominator
        limit_BN = limit_BN.clamp_min(1)  # a factor of 1e-9 reads as the fraction 0
        asked_BNX = F.one_hot(choice_BNk, self.experts).sum(2).cumsum(1)
        spare_BNX = (limit_BN[..., None] - asked_BNX).cummin(1).values
        after_BNX = asked_BNX + torch.minimum(spare_BNX, taken_BX[:, None])
        taken_BMX = torch.cat([taken_BX[:, None], after_BNX], 1)
        kept_BNk = taken_BMX.diff(dim=1).gather(2, choice_BNk).bool()
        return kept_BNk, (taken_BMX[:, -1], position_B + choice_BNk.shape[1])
