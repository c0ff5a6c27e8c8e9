import numpy as np
import pytest

from resnetbk.audit import shared_runs
from resnetbk.audit.shared_runs import longest_shared_run, shared_windows, window_hashes


def windows(tokens, length):
    return [tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)]


def brute_longest(a, b):
    table, best = np.zeros((len(a) + 1, len(b) + 1), int), 0
    for i in range(len(a)):
        for j in range(len(b)):
            if a[i] == b[j]:
                table[i + 1, j + 1] = table[i, j] + 1
                best = max(best, table[i + 1, j + 1])
    return best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [1, 2, 3, 5, 8])
def test_shared_windows_equal_a_set_of_tuples(seed, length, monkeypatch):
    monkeypatch.setattr(shared_runs, "BLOCK", 50)
    generator = np.random.default_rng(seed)
    haystack, needles = (generator.integers(0, 4, size).astype("<u2") for size in (230, 90))
    known = set(windows(haystack, length))
    expected = [window in known for window in windows(needles, length)]
    assert shared_windows(haystack, needles, length).tolist() == expected


@pytest.mark.parametrize("seed", range(8))
def test_longest_shared_run_equals_dynamic_programming(seed):
    generator = np.random.default_rng(seed)
    a, b = (generator.integers(0, 3, size).astype("<u2") for size in (120, 70))
    assert longest_shared_run(a, b) == brute_longest(a, b)


def test_nothing_shared_and_windows_longer_than_the_stream():
    a, b = np.arange(10, dtype="<u2"), np.arange(20, 30, dtype="<u2")
    assert longest_shared_run(a, b) == 0
    assert shared_windows(a, b, 64).tolist() == []
    assert longest_shared_run(a, a) == 10


def test_hash_collisions_do_not_change_the_answer(monkeypatch):
    """A hash that forgets everything for the first base: every window collides, so another base must be tried."""

    def weak(tokens, length, base):
        exact = window_hashes(tokens, length, base)
        return exact if base != shared_runs._FIRST_BASE else np.zeros_like(exact)

    generator = np.random.default_rng(3)
    a, b = (generator.integers(0, 5, size).astype("<u2") for size in (200, 80))
    expected = shared_windows(a, b, 3), longest_shared_run(a, b)
    monkeypatch.setattr(shared_runs, "window_hashes", weak)
    assert np.array_equal(shared_windows(a, b, 3), expected[0])
    assert longest_shared_run(a, b) == expected[1]
