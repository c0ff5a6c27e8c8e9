"""Loss by position where positions span orders of magnitude: buckets that double in width.

Bucket 0 is position 0, bucket k the positions from 2^(k-1) to 2^k - 1. A position is the number of tokens of the
sequence before the input.

B rows, L positions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BUCKETS = 64  # a position is a 64-bit integer


class LossByPosition:
    """A running mean of the loss, in all and in each bucket, in memory that does not grow."""

    def __init__(self) -> None:
        self._nats = [0.0] * BUCKETS
        self._tokens = [0] * BUCKETS
        self.non_finite = 0
        self.first_non_finite: int | None = None

    def add(self, first: int, nats_BL: np.ndarray, scored_BL: np.ndarray) -> None:
        """Add losses (nats, float64) at positions `first` to `first` + L - 1, where `scored_BL` (bool) is true."""
        bucket_L = bucket(first + np.arange(nats_BL.shape[1]))
        for number in range(bucket_L[0], bucket_L[-1] + 1):
            inside_L = bucket_L == number
            nats = nats_BL[:, inside_L][scored_BL[:, inside_L]]
            self._nats[number] += float(nats.sum())
            self._tokens[number] += len(nats)
        broken_BL = scored_BL & ~np.isfinite(nats_BL)
        self.non_finite += int(broken_BL.sum())
        if self.first_non_finite is None and broken_BL.any():
            self.first_non_finite = first + int(broken_BL.any(0).argmax())

    @property
    def tokens(self) -> int:
        return sum(self._tokens)

    @property
    def loss(self) -> float:
        """The mean loss in nats per token; not finite when one is not, or there are none."""
        return sum(self._nats) / self.tokens if self.tokens else math.nan

    def rows(self) -> list[dict[str, Any]]:
        """Return position (the first of its bucket), loss (nats per token) and tokens of each bucket with some."""
        return [
            {"position": first_of(number), "loss": nats / tokens, "tokens": tokens}
            for number, (nats, tokens) in enumerate(zip(self._nats, self._tokens, strict=True))
            if tokens
        ]


def bucket(positions: np.ndarray) -> np.ndarray:
    """Return the bucket of each position, int64: the number of bits that it is written with."""
    return np.frexp(positions.astype(np.float64))[1].astype(np.int64)


def first_of(number: int) -> int:
    """Return the first position of a bucket."""
    return 0 if number == 0 else 1 << (number - 1)
