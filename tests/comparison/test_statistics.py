"""The estimates equal their closed forms and scipy's and statsmodels' wherever those apply.

Whether the intervals keep their promise where both seeds and documents vary is test_calibration's question.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from resnetbk.comparison.statistics import (
    confidence_interval,
    crossed_mean,
    equivalence_p_value,
    excess_p_value,
    hedges_g,
    p_value,
)

RANDOM = np.random.Generator(np.random.PCG64(3))
S, D = 4, 12
EQUAL_D = np.full(D, 500.0)
UNEQUAL_D = RANDOM.integers(50, 2000, D).astype(float)
DIFFERENCE_SD = 0.02 + 0.05 * RANDOM.standard_normal((S, D))
SEEDS_ONLY_SD = np.repeat(0.02 + 0.01 * RANDOM.standard_normal((S, 1)), D, axis=1)
DOCUMENTS_ONLY_SD = np.repeat(0.02 + 0.05 * RANDOM.standard_normal((1, D)), S, axis=0)


def test_the_estimate_is_the_difference_of_token_weighted_losses():
    model_SD = 4 + RANDOM.standard_normal((S, D))
    baseline_SD = model_SD - DIFFERENCE_SD
    losses = [np.average(loss_SD, axis=1, weights=UNEQUAL_D).mean() for loss_SD in (model_SD, baseline_SD)]
    assert crossed_mean(model_SD - baseline_SD, UNEQUAL_D).estimate == pytest.approx(losses[0] - losses[1])


def test_the_document_term_is_the_explicit_jackknife():
    values_D = DOCUMENTS_ONLY_SD[0]
    left_out = [np.average(np.delete(values_D, d), weights=np.delete(UNEQUAL_D, d)) for d in range(D)]
    expected = (D - 1) / D * ((np.average(values_D, weights=UNEQUAL_D) - left_out) ** 2).sum()
    assert crossed_mean(DOCUMENTS_ONLY_SD, UNEQUAL_D).standard_error ** 2 == pytest.approx(expected)


def test_where_only_seeds_vary_it_is_the_t_test_over_seeds():
    mean = crossed_mean(SEEDS_ONLY_SD, EQUAL_D)
    reference = stats.ttest_1samp(SEEDS_ONLY_SD[:, 0], 0)
    assert mean.freedom_seeds == S - 1
    assert p_value(mean) == pytest.approx(reference.pvalue)
    assert confidence_interval(mean, 0.9) == pytest.approx(tuple(reference.confidence_interval(0.9)))


def test_where_only_documents_vary_it_is_the_t_test_over_documents():
    mean = crossed_mean(DOCUMENTS_ONLY_SD, EQUAL_D)
    reference = stats.ttest_1samp(DOCUMENTS_ONLY_SD[0], 0)
    assert mean.freedom_documents == pytest.approx(D - 1)
    assert p_value(mean) == pytest.approx(reference.pvalue)
    assert confidence_interval(mean, 0.9) == pytest.approx(tuple(reference.confidence_interval(0.9)))


def test_the_p_value_is_where_the_interval_touches_zero():
    mean = crossed_mean(DIFFERENCE_SD, UNEQUAL_D)
    ends = confidence_interval(mean, 1 - p_value(mean))
    assert min(abs(end) for end in ends) < 1e-12


def test_the_p_value_falls_as_the_difference_grows_and_stays_within_zero_and_one():
    noise_SD = DIFFERENCE_SD - crossed_mean(DIFFERENCE_SD, UNEQUAL_D).estimate
    p = [p_value(crossed_mean(noise_SD + shift, UNEQUAL_D)) for shift in (0.0, 1e-18, 1e-3, 0.1, 10.0, 1e30)]
    assert p == sorted(p, reverse=True)
    assert p[0] == pytest.approx(1)
    assert 0 < p[-1] < 1e-30


@pytest.mark.parametrize("margin", [0.001, 0.03, 0.08])
def test_equivalence_is_statsmodels_two_one_sided_tests(margin):
    mean = crossed_mean(DOCUMENTS_ONLY_SD, EQUAL_D)
    reference = DescrStatsW(DOCUMENTS_ONLY_SD[0]).ttost_mean(-margin, margin)[0]
    assert equivalence_p_value(mean, margin) == pytest.approx(reference)


def test_an_excess_is_a_t_test_against_the_margin():
    mean, margin = crossed_mean(DOCUMENTS_ONLY_SD, EQUAL_D), 0.001
    assert mean.estimate > margin
    assert excess_p_value(mean, margin) == pytest.approx(stats.ttest_1samp(DOCUMENTS_ONLY_SD[0], margin).pvalue)
    assert excess_p_value(mean, 2 * float(mean.estimate)) == 1
    assert excess_p_value(mean, 1e-12) == pytest.approx(p_value(mean))


def test_long_documents_cost_degrees_of_freedom():
    one_long_D = np.where(np.arange(D) == 0, 5000.0, 100.0)
    assert crossed_mean(DOCUMENTS_ONLY_SD, one_long_D).freedom_documents < 2


def test_more_tokens_at_the_same_proportions_change_nothing():
    once, tenfold = crossed_mean(DIFFERENCE_SD, UNEQUAL_D), crossed_mean(DIFFERENCE_SD, 10 * UNEQUAL_D)
    assert p_value(once) == pytest.approx(p_value(tenfold))


def test_one_seed_gives_an_interval_over_documents():
    one, copies = (crossed_mean(x_SD, UNEQUAL_D) for x_SD in (DOCUMENTS_ONLY_SD[:1], DOCUMENTS_ONLY_SD))
    assert (one.variance_seeds, one.freedom_seeds) == (0, 0)
    assert confidence_interval(one, 0.95) == pytest.approx(confidence_interval(copies, 0.95))


def test_no_difference_anywhere_is_certain():
    nothing = crossed_mean(np.zeros((S, D)), UNEQUAL_D)
    assert p_value(nothing) == 1
    assert equivalence_p_value(nothing, 0.01) < 1e-99
    assert confidence_interval(nothing, 0.95) == (0, 0)
    assert hedges_g(np.zeros((S, D)), UNEQUAL_D) == 0


def test_hedges_g_at_equal_lengths_is_the_paired_g_over_documents():
    d_D = DIFFERENCE_SD.mean(0)
    small_sample = 1 - 3 / (4 * (D - 1) - 1)  # Hedges' approximation of his exact factor
    expected = small_sample * d_D.mean() / d_D.std(ddof=1)
    assert hedges_g(DIFFERENCE_SD, EQUAL_D) == pytest.approx(expected, rel=1e-3)
