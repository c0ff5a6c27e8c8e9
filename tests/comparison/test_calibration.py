"""What the intervals promise, they keep: simulated comparisons in which the truth is known.

A difference is significant at alpha where the interval at 1 - alpha leaves out zero, and two models are
equivalent at alpha where the interval at 1 - 2 alpha lies within the margin; `test_statistics` shows that the
p-values say the same. Legend: R simulated comparisons, S seeds, D documents; spreads in nats a token.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from resnetbk.comparison.statistics import MINIMUM_DOCUMENTS, MINIMUM_SEEDS, confidence_interval, crossed_mean

RUNS = 20_000
ALPHA = 0.05
HOLM = ALPHA / 4  # the first step of Holm's correction over the default's four comparisons
MARGIN = 0.045  # 1 % of a loss of 4.5 nats
# (seed, document, interaction): each alone, and mixed in several proportions.
SPREADS = {
    "seeds": (0.03, 0.0, 0.001),
    "documents": (0.0, 0.03, 0.01),
    "interaction": (0.0, 0.0, 0.03),
    "typical": (0.006, 0.03, 0.01),
    "mixed": (0.012, 0.03, 0.01),
    "mostly seeds": (0.03, 0.03, 0.01),
}
SIZES = [(3, 20), (5, 30), (MINIMUM_SEEDS, 20), (3, MINIMUM_DOCUMENTS)]
EVERY_SIZE = pytest.mark.parametrize("size", SIZES, ids=str)
EVERY_SPREAD = pytest.mark.parametrize("spread", SPREADS)


def simulate(size, spread, *, difference=0.0, lengths=0.0):
    """Draw differences `[R, S, D]` under crossed random effects, and log-normal document lengths `[R, D]`."""
    (S, D), (of_seed, of_document, of_both) = size, SPREADS[spread]
    random = np.random.Generator(np.random.PCG64([S, D]))
    tokens_RD = np.exp(lengths * random.standard_normal((RUNS, D)))
    difference_RSD = (
        difference
        + of_seed * random.standard_normal((RUNS, S, 1))
        + of_document * random.standard_normal((RUNS, 1, D))
        + of_both * random.standard_normal((RUNS, S, D))
    )
    return difference_RSD, tokens_RD


def ceiling(rate: float) -> float:
    """The largest share of RUNS that a true rate explains (binomial, one side, 1 in 1000)."""
    return stats.binom.isf(1e-3, RUNS, rate) / RUNS


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


@pytest.mark.parametrize("difference", [-MARGIN, MARGIN])
@EVERY_SPREAD
def test_a_difference_on_the_margin_is_rarely_called_equivalent(spread, difference):
    cells = simulate((3, 20), spread, difference=difference, lengths=0.5)
    assert np.mean(equivalent(*cells, ALPHA)) <= ceiling(ALPHA)


@pytest.mark.parametrize("spread, size", [("seeds", (3, 20)), ("seeds", (5, 30)), ("documents", (5, 30))])
def test_where_one_factor_varies_false_positives_are_not_far_below_alpha(spread, size):
    assert np.mean(significant(*simulate(size, spread), ALPHA)) >= 0.8 * ALPHA


@pytest.mark.parametrize(
    "size, alpha, power", [((3, 20), ALPHA, 0.95), ((3, 20), HOLM, 0.7), ((5, 30), HOLM, 0.95)]
)
def test_a_planted_difference_of_one_per_cent_is_found(size, alpha, power):
    cells = simulate(size, "typical", difference=-MARGIN)
    found = significant(*cells, alpha) & (crossed_mean(*cells).estimate < 0)
    assert np.mean(found) >= power


def test_equal_models_are_called_equivalent():
    assert np.mean(equivalent(*simulate((3, 20), "typical"), ALPHA)) >= 0.95


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
