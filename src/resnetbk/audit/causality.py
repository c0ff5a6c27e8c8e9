"""Causality by perturbation: other tokens in the future must leave earlier logits as they were, bit for bit.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from resnetbk.audit.check import Check
from resnetbk.audit.conditions import Forward, conditions, cut_positions


@torch.no_grad()
def check_causality(model: nn.Module, tokens_BL: torch.Tensor, *, vocabulary_size: int, seed: int) -> Check:
    """Replace all tokens from a cut on, at several cuts, and compare the logits before the cut bit by bit.

    **Arguments:** `tokens_BL`: int64 token ids, L >= 2; `vocabulary_size`: at least 2; `seed`: of the
    replacement tokens.
    **Returns:** a `Check`; on failure `measured` holds the earliest position that leaks, how many tokens
    ahead it saw at least, and the largest change of a logit before any cut.
    """
    length = tokens_BL.shape[1]
    cuts = cut_positions(length)
    other_BL = _other_tokens(tokens_BL, vocabulary_size, seed)
    for condition, forward in conditions(model, seed):
        before_BLV = forward(tokens_BL)
        if not _same_bits(before_BLV, forward(tokens_BL)).all():
            return Check(False, f"two runs on the same tokens give different logits ({condition})")
        leaks = {cut: _leak(forward, before_BLV, tokens_BL, other_BL, cut) for cut in cuts}
        found = {cut: leak for cut, leak in leaks.items() if leak is not None}
        if found:
            cut = min(found, key=lambda cut: (found[cut][0], -cut))
            position = found[cut][0]
            change = max(change for _, change in found.values())
            furthest = _furthest_token(forward, before_BLV, tokens_BL, other_BL, position, cut)
            return Check(
                False,
                f"logits at position {position} see at least {furthest - position} token(s) ahead "
                f"(token {furthest}); the largest change of a logit is {change:.3g} ({condition})",
                {
                    "cuts": len(cuts),
                    "earliest_position": position,
                    "tokens_ahead": furthest - position,
                    "largest_change": change,
                },
            )
    return Check(
        True,
        f"logits before each of {len(cuts)} cuts keep every bit when all later tokens are replaced",
        {"cuts": len(cuts), "earliest_position": None, "tokens_ahead": 0, "largest_change": 0.0},
    )


def _other_tokens(tokens_BL: torch.Tensor, vocabulary_size: int, seed: int) -> torch.Tensor:
    """Return random tokens that differ from the given ones at every position."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shift = torch.from_numpy(generator.integers(1, vocabulary_size, size=tuple(tokens_BL.shape)))
    return (tokens_BL + shift) % vocabulary_size


def _leak(
    forward: Forward, before_BLV: torch.Tensor, tokens_BL: torch.Tensor, other_BL: torch.Tensor, cut: int
) -> tuple[int, float] | None:
    """Return the earliest position whose logits see past `cut` and the largest change, or None."""
    after_BLV = forward(torch.cat([tokens_BL[:, :cut], other_BL[:, cut:]], dim=1))
    changed_L = ~_same_bits(before_BLV[:, :cut], after_BLV[:, :cut]).all(dim=-1).all(dim=0)
    if not changed_L.any():
        return None
    change = (before_BLV[:, :cut].double() - after_BLV[:, :cut].double()).abs().max().item()
    return int(changed_L.nonzero()[0]), change


def _furthest_token(
    forward: Forward,
    before_BLV: torch.Tensor,
    tokens_BL: torch.Tensor,
    other_BL: torch.Tensor,
    position: int,
    cut: int,
) -> int:
    """Bisect for the last cut whose future still reaches `position`; `cut` is known to."""
    low, high = cut, tokens_BL.shape[1]
    while high - low > 1:
        middle = (low + high) // 2
        leak = _leak(forward, before_BLV, tokens_BL, other_BL, middle)
        if leak is not None and leak[0] <= position:
            low = middle
        else:
            high = middle
    return low


def _same_bits(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Compare bit patterns: unlike ==, NaN equals itself and 0.0 differs from -0.0."""
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return a.contiguous().view(integer) == b.contiguous().view(integer)
