"""Which split a document belongs to: a function of its own text and the seed, of nothing else.

So adding a document moves no other, a stream needs no second pass, and equal texts fall together; equal texts
are removed all the same, since copies would weigh more in training.
"""

from __future__ import annotations

import hashlib

SPLITS = ("train", "validation", "test")


def fingerprint(text: str) -> bytes:
    """Return 16 bytes that name a text up to its whitespace; empty for a text of whitespace alone."""
    normalised = " ".join(text.split())
    return hashlib.sha256(normalised.encode()).digest()[:16] if normalised else b""


def assign(fingerprint: bytes, *, validation_fraction: float, test_fraction: float, seed: int) -> int:
    """Return the split of a document as an index into `SPLITS`."""
    draw = hashlib.sha256(f"{seed}:".encode() + fingerprint).digest()
    place = int.from_bytes(draw[:6], "little") / 2**48  # exact in a double
    if place < test_fraction:
        return 2
    return 1 if place < test_fraction + validation_fraction else 0
