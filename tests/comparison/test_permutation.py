"""Sign flips: exact where they are few, at their level where seeds and documents both vary."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from tests.comparison.simulation import ceiling, floor, simulate

from resnetbk.comparison.permutation import sign_flip_test

RANDOM = np.random.Generator(np.random.PCG64(9))
S, D = 4, 6
DIFFERENCE_SD = 0.02 + 0.02 * RANDOM.standard_normal((S, D))
TOKENS_D = RANDOM.integers(50, 2000, D).astype(float)
EXACT = 2**D


def by_enumeration(values):
    flipped = [abs(np.mean(np.array(signs) * values)) for signs in product((-1, 1), repeat=len(values))]
    return np.mean(np.array(flipped) >= abs(values.mean()) * (1 - 1e-12))


def test_few_signs_are_enumerated():
    weights = TOKENS_D / TOKENS_D.mean()
    found = sign_flip_test(DIFFERENCE_SD, TOKENS_D, resamples=EXACT)
    assert found.seeds == pytest.approx(by_enumeration((weights * DIFFERENCE_SD).mean(1)))
    assert found.documents == pytest.approx(by_enumeration(weights * DIFFERENCE_SD.mean(0)))


def test_both_is_every_pair_of_flips_and_the_largest_of_the_three():
    weights = TOKENS_D / TOKENS_D.mean()
    by_seed, by_document = (weights * DIFFERENCE_SD).mean(1), DIFFERENCE_SD.mean(0)
    centred = weights * (by_document - by_seed.mean())
    added = [
        abs(np.mean(np.array(g) * by_seed) + np.mean(np.array(h) * centred))
        for g, h in product(product((-1, 1), repeat=S), product((-1, 1), repeat=D))
    ]
    p = np.mean(np.array(added) >= abs(by_seed.mean()) * (1 - 1e-12))
    found = sign_flip_test(DIFFERENCE_SD, TOKENS_D, resamples=EXACT)
    assert found.both == pytest.approx(max(p, found.seeds, found.documents))


@pytest.mark.parametrize("seeds, smallest", [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_few_seeds_reach_no_small_p(seeds, smallest):
    certain_SD = 1 + 0.001 * RANDOM.standard_normal((seeds, 30))
    found = sign_flip_test(certain_SD, np.ones(30), resamples=1000)
    assert found.smallest == found.seeds == found.both == smallest
    assert found.documents == pytest.approx(2 / 1001)


def test_one_seed_says_nothing_of_seeds():
    found = sign_flip_test(DIFFERENCE_SD[:1], TOKENS_D, resamples=EXACT)
    assert found.seeds is found.both is found.smallest is None
    assert 0 < found.documents <= 1


def test_no_difference_anywhere_is_no_evidence():
    found = sign_flip_test(np.zeros((S, D)), TOKENS_D, resamples=EXACT)
    assert (found.seeds, found.documents, found.both) == (1, 1, 1)


def test_random_flips_are_the_same_every_time():
    first, again = (sign_flip_test(DIFFERENCE_SD, TOKENS_D, resamples=20) for _ in range(2))
    assert first == again


def rates(size, spread, *, runs, resamples, difference=0.0):
    """How often each test rejects at the smallest alpha from 0.05 on that flips of the seeds can reach."""
    alpha = max(0.05, 2 / 2 ** size[0])
    pairs = zip(*simulate(size, spread, difference=difference, lengths=0.5, runs=runs), strict=True)
    found = [sign_flip_test(*pair, resamples=resamples) for pair in pairs]
    return alpha, {
        name: np.mean([getattr(one, name) <= alpha * (1 + 1e-9) for one in found])
        for name in ("seeds", "documents", "both")
    }


@pytest.mark.parametrize("spread", ["seeds alone", "typical", "mostly seeds"])
def test_false_positives_of_both_stay_at_alpha(spread):
    alpha, rate = rates((5, 10), spread, runs=300, resamples=200)
    assert rate["both"] <= ceiling(alpha, 300)


def test_where_seeds_alone_vary_the_level_is_exact():
    alpha, rate = rates((5, 10), "seeds alone", runs=300, resamples=200)
    assert floor(alpha, 300) <= rate["seeds"] <= ceiling(alpha, 300)
    assert floor(alpha, 300) <= rate["both"]


def test_a_planted_difference_of_one_per_cent_is_found():
    _, rate = rates((5, 20), "typical", runs=100, resamples=200, difference=0.045)
    assert rate["both"] > 0.9


def test_control_flips_that_ignore_the_seeds_overshoot():
    alpha, rate = rates((5, 10), "mostly seeds", runs=300, resamples=200)
    assert rate["documents"] > ceiling(alpha, 300)


def test_control_flips_that_ignore_the_documents_overshoot():
    alpha, rate = rates((5, 10), "typical", runs=300, resamples=200)
    assert rate["seeds"] > ceiling(alpha, 300)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "spread", ["seeds alone", "documents alone", "interaction", "typical", "mixed", "mostly seeds"]
)
@pytest.mark.parametrize("size", [(3, 20), (5, 20), (6, 20), (8, 20), (5, 5)], ids=str)
def test_false_positives_of_both_stay_at_alpha_everywhere(size, spread):
    alpha, rate = rates(size, spread, runs=1500, resamples=500)
    assert rate["both"] <= ceiling(alpha, 1500)
