"""What the intervals promise, they keep: simulated comparisons in which the truth is known.

A difference is significant at alpha where the interval at 1 - alpha leaves out zero, and two models are
equivalent at alpha where the interval at 1 - 2 alpha lies within the margin; `test_statistics` shows that the
p-values say the same. Where one factor alone varies the test is exact, and the rate of false positives lies within
the binomial interval of alpha; where both do it is conservative, and the rate lies within that interval or below.
Legend: R simulated comparisons, S seeds, D documents.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tests.comparison.simulation import RUNS, SPREADS, ceiling, floor, simulate

from resnetbk.comparison.power import Spread, power_to_equate, power_to_find
from resnetbk.comparison.statistics import MINIMUM_DOCUMENTS, MINIMUM_SEEDS, confidence_interval, crossed_mean

ALPHA = 0.05
HOLM = ALPHA / 4  # the first step of Holm's correction over the default's four comparisons
MARGIN = 0.045  # 1 % of a loss of 4.5 nats
SLACK = 0.01  # the power takes the estimates of the two spreads for independent; the interaction is in both
SIZES = [(3, 20), (5, 30), (MINIMUM_SEEDS, 20), (3, MINIMUM_DOCUMENTS)]
EVERY_SIZE = pytest.mark.parametrize("size", SIZES, ids=str)
EVERY_SPREAD = pytest.mark.parametrize("spread", SPREADS)


def significant(difference_RSD, tokens_RD, alpha):
    low_R, high_R = confidence_interval(crossed_mean(difference_RSD, tokens_RD), 1 - alpha)
    return (low_R > 0) | (high_R < 0)


def equivalent(difference_RSD, tokens_RD, alpha):
    low_R, high_R = confidence_interval(crossed_mean(difference_RSD, tokens_RD), 1 - 2 * alpha)
    return (low_R > -MARGIN) & (high_R < MARGIN)


@pytest.mark.parametrize("lengths", [0.0, 1.0], ids=["equal lengths", "unequal lengths"])
@EVERY_SPREAD
@EVERY_SIZE
def test_false_positives_stay_at_alpha(size, spread, lengths):
    cells = simulate(size, spread, lengths=lengths)
    assert np.mean(significant(*cells, ALPHA)) <= ceiling(ALPHA)
    assert np.mean(significant(*cells, HOLM)) <= ceiling(HOLM)


@pytest.mark.nightly
@EVERY_SPREAD
@pytest.mark.parametrize("size", [*SIZES, (5, 20), (10, 50)], ids=str)
def test_false_positives_stay_at_alpha_in_many_more_runs(size, spread):
    cells = simulate(size, spread, runs=10 * RUNS)
    for alpha in (ALPHA, HOLM, ALPHA / 20):
        assert np.mean(significant(*cells, alpha)) <= ceiling(alpha, 10 * RUNS)


@pytest.mark.nightly
@EVERY_SPREAD
@pytest.mark.parametrize("size", [*SIZES, (5, 20), (10, 50)], ids=str)
def test_very_unequal_lengths_exceed_alpha_by_less_than_a_fifth(size, spread):
    cells = simulate(size, spread, lengths=1.0, runs=10 * RUNS)
    for alpha in (ALPHA, HOLM, ALPHA / 20):
        assert np.mean(significant(*cells, alpha)) <= ceiling(1.2 * alpha, 10 * RUNS)


@pytest.mark.parametrize("difference", [-MARGIN, MARGIN])
@EVERY_SPREAD
def test_a_difference_on_the_margin_is_rarely_called_equivalent(spread, difference):
    cells = simulate((3, 20), spread, difference=difference, lengths=0.5)
    assert np.mean(equivalent(*cells, ALPHA)) <= ceiling(ALPHA)


@pytest.mark.parametrize("spread", ["seeds alone", "documents alone"])
@EVERY_SIZE
def test_where_one_factor_varies_false_positives_are_as_many_as_alpha_says(size, spread):
    cells = simulate(size, spread)
    assert floor(ALPHA) <= np.mean(significant(*cells, ALPHA)) <= ceiling(ALPHA)
    assert floor(HOLM) <= np.mean(significant(*cells, HOLM)) <= ceiling(HOLM)


def true_spread(size, spread):
    """The spread that the simulation has, as `power` takes it: a document's variance holds the interaction too."""
    (S, D), (of_seed, of_document, of_both) = size, SPREADS[spread]
    return Spread(of_seed**2 + of_both**2 / D, (of_document**2 + of_both**2 / S) / D, D - 1, S)


@pytest.mark.parametrize("alpha", [ALPHA, HOLM])
@pytest.mark.parametrize("spread", ["seeds alone", "documents alone", "typical", "mixed", "mostly seeds"])
@pytest.mark.parametrize("size", [(3, 20), (5, 30)], ids=str)
def test_a_planted_difference_of_one_per_cent_is_found_with_the_stated_power(size, spread, alpha):
    cells = simulate(size, spread, difference=-MARGIN)
    found = np.mean(significant(*cells, alpha))
    stated = power_to_find(MARGIN, true_spread(size, spread), alpha)
    assert floor(stated) - SLACK <= found <= ceiling(stated) + SLACK
    assert np.mean(significant(*cells, alpha) & (crossed_mean(*cells).estimate > 0)) < 1e-3


@pytest.mark.parametrize("spread", ["seeds alone", "documents alone", "typical", "mixed", "mostly seeds"])
@pytest.mark.parametrize("size", [(3, 20), (5, 30)], ids=str)
def test_equal_models_are_called_equivalent_with_the_stated_power(size, spread):
    found = np.mean(equivalent(*simulate(size, spread), ALPHA))
    stated = power_to_equate(MARGIN, true_spread(size, spread), ALPHA)
    assert floor(stated) - SLACK <= found <= ceiling(stated) + SLACK


def test_control_a_power_that_forgets_the_seeds_is_not_reached():
    cells = simulate((3, 20), "mostly seeds", difference=-MARGIN)
    forgetful = replace(true_spread((3, 20), "mostly seeds"), variance_of_a_seed=0.0)
    assert np.mean(significant(*cells, ALPHA)) < floor(power_to_find(MARGIN, forgetful, ALPHA)) - SLACK


@EVERY_SIZE
def test_control_a_t_test_over_all_cells_overshoots(size):
    difference_RSD, _ = simulate(size, "mixed")
    naive = stats.ttest_1samp(difference_RSD.reshape(RUNS, -1), 0, axis=1).pvalue
    assert np.mean(naive < ALPHA) > 3 * ALPHA


@pytest.mark.parametrize("axis, spread", [(1, "documents"), (2, "seeds")])
def test_control_a_t_test_that_averages_the_varying_factor_away_overshoots(axis, spread):
    difference_RSD, _ = simulate((3, 20), spread)
    kept = difference_RSD.mean(3 - axis)
    assert np.mean(stats.ttest_1samp(kept, 0, axis=1).pvalue < ALPHA) > 3 * ALPHA


def test_control_satterthwaite_degrees_of_freedom_overshoot_with_few_seeds():
    mean = crossed_mean(*simulate((3, 20), "mostly seeds"))
    seeds, documents = mean.variance_seeds, mean.variance_documents
    freedom = (seeds + documents) ** 2 / (seeds**2 / mean.freedom_seeds + documents**2 / mean.freedom_documents)
    p = 2 * stats.t.sf(np.abs(mean.estimate) / mean.standard_error, freedom)
    assert np.mean(p < ALPHA) > ceiling(ALPHA)
    assert np.mean(p < HOLM) > 1.5 * HOLM
