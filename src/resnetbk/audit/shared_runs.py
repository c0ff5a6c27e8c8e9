"""Runs of tokens that two streams have in common, found by hashing and proved by comparing.

A rolling polynomial hash modulo 2^64 (Karp & Rabin 1987, IBM J. Res. Dev. 31:249) of every window of one
stream is looked up among those of the other. Equal windows have equal hashes; the reverse is checked token
by token, and a collision makes the search start again with another base, so the answers are exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 20  # windows hashed at a time, so that memory follows the smaller stream only
FILTER_BITS = 22  # a table of the hashes' leading bits spares most searches

_FIRST_BASE = 0x9E3779B97F4A7C15  # odd, so that no power of it vanishes modulo 2^64


def shared_windows(haystack: np.ndarray, needles: np.ndarray, length: int) -> np.ndarray:
    """Say of every window of `needles` whether it occurs in `haystack`.

    **Arguments:** `haystack`, `needles`: 1-D arrays of token ids; `length`: tokens in a window, at least 1.
    **Returns:** bool, one for each of the max(0, len(needles) - length + 1) windows.
    """
    base = _FIRST_BASE
    while True:
        found = _search(haystack, needles, length, base)
        if found is not None:
            return found
        base += 2


def longest_shared_run(haystack: np.ndarray, needles: np.ndarray) -> int:
    """Return the number of tokens in the longest run that occurs in both streams.

    Every part of a shared run is shared, so its length is found by doubling and bisection. That no longer run
    exists follows from the hashes; that this one exists is checked token by token.
    """
    base = _FIRST_BASE
    while True:
        low, high = 0, 1
        witness = None
        while (match := _first_match(haystack, needles, high, base)) is not None:
            low, witness, high = high, match, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            match = _first_match(haystack, needles, middle, base)
            if match is None:
                high = middle
            else:
                low, witness = middle, match
        if witness is None:
            return 0
        i, j = witness
        if np.array_equal(haystack[i : i + low], needles[j : j + low]):
            return low
        base += 2


def window_hashes(tokens: np.ndarray, length: int, base: int) -> np.ndarray:
    """Return the hash of every window of `length` tokens, uint64, by doubling: log2(length) vector passes."""
    count = len(tokens) - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    piece, size = tokens.astype(np.uint64) + np.uint64(1), 1
    whole, covered = None, 0
    remaining = length
    while remaining:
        if remaining & 1:
            whole = piece if whole is None else _join(whole, covered, piece, size, base)
            covered += size
        remaining >>= 1
        if remaining:
            piece, size = _join(piece, size, piece, size, base), 2 * size
    return whole[:count]


def _join(left: np.ndarray, left_size: int, right: np.ndarray, right_size: int, base: int) -> np.ndarray:
    """Hash windows made of a left part and the right part that follows it."""
    count = min(len(left), len(right) - left_size)
    return left[:count] * np.uint64(pow(base, right_size, 1 << 64)) + right[left_size : left_size + count]


def _candidates(
    haystack: np.ndarray, hashes: np.ndarray, length: int, base: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield window starts in `haystack` whose hash is in the sorted, unique `hashes`, and its index there."""
    shift = np.uint64(64 - FILTER_BITS)
    leading = np.zeros(1 << FILTER_BITS, bool)
    leading[hashes >> shift] = True
    for start in range(0, len(haystack) - length + 1, BLOCK):
        block = window_hashes(np.asarray(haystack[start : start + BLOCK + length - 1]), length, base)
        likely = np.flatnonzero(leading[block >> shift])
        index = np.searchsorted(hashes, block[likely]).clip(max=len(hashes) - 1)
        equal = hashes[index] == block[likely]
        yield start + likely[equal], index[equal]


def _first_match(haystack: np.ndarray, needles: np.ndarray, length: int, base: int) -> tuple[int, int] | None:
    hashes, first = np.unique(window_hashes(needles, length, base), return_index=True)
    if len(hashes):
        for starts, index in _candidates(haystack, hashes, length, base):
            if len(starts):
                return int(starts[0]), int(first[index[0]])
    return None


def _search(haystack: np.ndarray, needles: np.ndarray, length: int, base: int) -> np.ndarray | None:
    """Say which windows of `needles` occur in `haystack`; None when one hash stands for two windows."""
    hashes, first, inverse = np.unique(
        window_hashes(needles, length, base), return_index=True, return_inverse=True
    )
    found = np.zeros(len(hashes), bool)
    if not len(hashes):
        return found
    for starts, index in _candidates(haystack, hashes, length, base):
        if not _equal_windows(haystack, starts, needles, first[index], length):
            return None
        found[index] = True
    shared = found[inverse]
    windows = np.flatnonzero(shared)
    if not _equal_windows(needles, windows, needles, first[inverse[windows]], length):
        return None
    return shared


def _equal_windows(a: np.ndarray, a_starts: np.ndarray, b: np.ndarray, b_starts: np.ndarray, length: int) -> bool:
    return all(np.array_equal(a[a_starts + offset], b[b_starts + offset]) for offset in range(length))
