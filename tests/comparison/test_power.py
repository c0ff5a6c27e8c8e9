"""Power equals its closed forms; that it is reached is test_calibration's question."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from resnetbk.comparison.power import MOST_SEEDS, Spread, power_to_equate, power_to_find, seeds_needed, spread_of
from resnetbk.comparison.statistics import crossed_mean

ALPHA, MARGIN = 0.05, 0.045
BOTH = Spread(variance_of_a_seed=0.03**2, variance_documents=0.006**2, freedom_documents=19, seeds=3)


def noncentral_t(effect, variance, freedom, alpha):
    shift, bound = effect / np.sqrt(variance), stats.t.isf(alpha / 2, freedom)
    return stats.nct.sf(bound, freedom, shift) + stats.nct.cdf(-bound, freedom, shift)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("effect", [0.005, 0.015, 0.025])
def test_with_one_factor_it_is_that_of_the_noncentral_t(effect, alpha):
    seeds = replace(BOTH, variance_documents=0.0)
    expected = noncentral_t(effect, 0.03**2 / 3, 2, alpha)
    assert power_to_find(effect, seeds, alpha) == pytest.approx(expected, abs=2e-3)
    documents = replace(BOTH, variance_of_a_seed=0.0)
    expected = noncentral_t(effect, 0.006**2, 19, alpha)
    assert power_to_find(effect, documents, alpha) == pytest.approx(expected, abs=2e-3)


def test_without_an_effect_one_factor_gives_alpha():
    assert power_to_find(0.0, replace(BOTH, variance_documents=0.0), ALPHA) == pytest.approx(ALPHA, abs=1e-3)


def test_it_grows_with_seeds_and_effect_and_falls_with_spread():
    powers = [power_to_find(MARGIN, replace(BOTH, seeds=seeds), ALPHA) for seeds in (2, 3, 5, 9, 20)]
    assert powers == sorted(powers)
    assert power_to_find(2 * MARGIN, BOTH, ALPHA) > power_to_find(MARGIN, BOTH, ALPHA)
    assert power_to_find(MARGIN, replace(BOTH, variance_of_a_seed=0.06**2), ALPHA) < powers[1]


@pytest.mark.parametrize("power", [power_to_find, power_to_equate])
def test_the_seeds_needed_are_the_fewest(power):
    needed = seeds_needed(power, MARGIN, BOTH, ALPHA, 0.8)
    assert power(MARGIN, replace(BOTH, seeds=needed), ALPHA) >= 0.8
    assert power(MARGIN, replace(BOTH, seeds=needed - 1), ALPHA) < 0.8


def test_no_number_of_seeds_makes_up_for_the_documents():
    assert seeds_needed(power_to_find, MARGIN, replace(BOTH, variance_documents=0.1**2), ALPHA, 0.8) is None


def test_where_nothing_varies_two_seeds_do():
    certain = Spread(0.0, 0.0, 19, 3)
    assert power_to_find(MARGIN, certain, ALPHA) == power_to_equate(MARGIN, certain, ALPHA) == 1
    assert seeds_needed(power_to_find, MARGIN, certain, ALPHA, 0.8) == 2 < MOST_SEEDS


def test_the_spread_is_that_of_the_estimate():
    random = np.random.Generator(np.random.PCG64(2))
    mean = crossed_mean(random.standard_normal((3, 8)), np.ones(8))
    spread = spread_of(mean)
    assert spread.seeds == 3
    assert spread.variance_of_a_seed / 3 + spread.variance_documents == pytest.approx(mean.standard_error**2)
