"""The BCa interval over seeds and documents: what it is made of, and for how few seeds it cannot be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from tests.comparison.simulation import ceiling, simulate

from resnetbk.comparison.bootstrap import bootstrap_interval
from resnetbk.comparison.statistics import confidence_interval, crossed_mean

RANDOM = np.random.Generator(np.random.PCG64(5))
S, D = 4, 12
DIFFERENCE_SD = 0.02 + 0.05 * RANDOM.standard_normal((S, D))
SKEWED_SD = RANDOM.exponential(size=(S, 1)) + RANDOM.exponential(size=(1, D))
TOKENS_D = RANDOM.integers(50, 2000, D).astype(float)
RESAMPLES = 2000


def by_hand(difference_SD, tokens_D, confidence):
    """Efron's formulas with the draws that scipy makes, and the jackknife over both factors written out."""
    S, D = difference_SD.shape
    random = np.random.Generator(np.random.PCG64(0))
    seeds_RS, documents_RD = (random.integers(0, n, (RESAMPLES, n)) for n in (S, D))

    def mean(seeds, documents):
        weights = tokens_D[documents]
        return (weights * difference_SD[np.ix_(seeds, documents)].mean(0)).sum() / weights.sum()

    drawn_R = np.array([mean(*places) for places in zip(seeds_RS, documents_RD, strict=True)])
    every_s, every_j = np.arange(S), np.arange(D)
    left_out = (
        np.array([mean(np.delete(every_s, s), every_j) for s in every_s]),
        np.array([mean(every_s, np.delete(every_j, j)) for j in every_j]),
    )
    influence = [(len(x) - 1) * (x.mean() - x) / len(x) for x in left_out]
    cubes, squares = (sum((u**power).sum() for u in influence) for power in (3, 2))
    acceleration = cubes / squares**1.5 / 6
    estimate = mean(every_s, every_j)
    bias = special.ndtri(((drawn_R < estimate).mean() + (drawn_R <= estimate).mean()) / 2)
    ends = bias + special.ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    return tuple(np.quantile(drawn_R, special.ndtr(bias + ends / (1 - acceleration * ends))))


@pytest.mark.parametrize("difference_SD", [DIFFERENCE_SD, SKEWED_SD], ids=["even", "skewed"])
def test_it_is_efrons_interval_with_the_jackknife_over_both_factors(difference_SD):
    found = bootstrap_interval(difference_SD, TOKENS_D, 0.95, resamples=RESAMPLES)
    assert found == pytest.approx(by_hand(difference_SD, TOKENS_D, 0.95), rel=1e-9)


def test_it_is_the_same_every_time_and_near_the_t_interval_where_seeds_are_many():
    difference_SD = 0.02 + 0.05 * RANDOM.standard_normal((10, 200))
    tokens_D = RANDOM.integers(400, 600, 200).astype(float)
    first, again, other = (
        bootstrap_interval(difference_SD, tokens_D, 0.95, resamples=RESAMPLES, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again != other
    low, high = confidence_interval(crossed_mean(difference_SD, tokens_D), 0.95)
    assert first == pytest.approx((low, high), abs=0.35 * (high - low) / 2)


def test_batches_do_not_change_its_centre(monkeypatch):
    whole = bootstrap_interval(DIFFERENCE_SD, TOKENS_D, 0.95, resamples=RESAMPLES)
    monkeypatch.setattr("resnetbk.comparison.bootstrap._ELEMENTS", 100)
    parts = bootstrap_interval(DIFFERENCE_SD, TOKENS_D, 0.95, resamples=RESAMPLES)
    assert parts == pytest.approx(whole, abs=0.2 * (whole[1] - whole[0]))


def test_one_seed_leaves_the_documents():
    low, high = bootstrap_interval(DIFFERENCE_SD[:1], TOKENS_D, 0.95, resamples=RESAMPLES)
    assert low < crossed_mean(DIFFERENCE_SD[:1], TOKENS_D).estimate < high


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_without_any_spread_it_is_a_point(value):
    assert bootstrap_interval(np.full((S, D), value), TOKENS_D, 0.95, resamples=RESAMPLES) == (value, value)


def false_positives(size, spread, runs):
    intervals = [
        bootstrap_interval(difference_SD, tokens_D, 0.95, resamples=1000)
        for difference_SD, tokens_D in zip(*simulate(size, spread, lengths=0.5, runs=runs), strict=True)
    ]
    return np.mean([low > 0 or high < 0 for low, high in intervals])


def test_control_with_three_seeds_that_vary_it_fails_its_calibration():
    assert false_positives((3, 20), "seeds", runs=150) > ceiling(0.05, 150)


@pytest.mark.nightly
@pytest.mark.parametrize("spread", ["seeds", "documents", "mostly seeds", "mixed", "typical"])
def test_with_many_seeds_and_documents_it_keeps_its_promise_to_two_per_cent(spread):
    assert false_positives((30, 60), spread, runs=500) <= ceiling(0.07, 500)
