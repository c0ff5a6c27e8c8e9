r"""What the comparison could have found: power for the effect that was planned, and the seeds that would do.

Not for the effect that was seen: power at the observed difference is the p-value said otherwise (Hoenig and
Heisey 2001). The effect is the margin of equivalence, which the plan fixed; only the spreads are of the data.

With V_S and V_D the variances of the estimate R that stem from seeds and from documents, f_S = S - 1 and f_D their
degrees of freedom, the test of `statistics` rejects where |R| > c, c^2 = t_S^2 V_S X_S + t_D^2 V_D X_D, with
X = chi^2_f / f the estimation error of a variance and R ~ N(delta, V_S + V_D). The power is the mean over both X
of the normal probability, taken on a grid of their quantiles. Without documents it is that of the noncentral t.
Equivalence is likewise found where |R| < margin - c, with c at the one-sided level.

Other seeds change V_S = sigma_S^2 / S and f_S; the documents of the test split, and with them V_D, stay as they
are, so no number of seeds may do. sigma_S^2 is an estimate from S numbers: from three seeds the number of seeds
needed is no more than an order of magnitude.

Source: Hoenig and Heisey 2001, The American Statistician 55:19.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from resnetbk.comparison.statistics import MINIMUM_SEEDS, CrossedMean

MOST_SEEDS = 1000  # nobody trains more: beyond it the documents are what limits
_UPPER_TAILS = (np.arange(100) + 0.5) / 100


@dataclass(frozen=True)
class Spread:
    """Where the error of an estimate comes from; variances in squared nats a token."""

    variance_of_a_seed: float
    variance_documents: float  # of the estimate, as it is
    freedom_documents: float
    seeds: int


def spread_of(mean: CrossedMean) -> Spread:
    """Return the spread that a comparison of at least MINIMUM_SEEDS seeds has measured."""
    assert mean.freedom_seeds >= MINIMUM_SEEDS - 1
    seeds = mean.freedom_seeds + 1
    return Spread(
        variance_of_a_seed=float(mean.variance_seeds) * seeds,
        variance_documents=float(mean.variance_documents),
        freedom_documents=float(mean.freedom_documents),
        seeds=seeds,
    )


def power_to_find(effect: float, spread: Spread, alpha: float) -> float:
    """Return the probability that a true difference of `effect`, nats a token, is significant at `alpha`."""
    deviation, threshold_XX = _error_and_thresholds(spread, alpha / 2)
    tails_XX = [special.ndtr((side * effect - threshold_XX) / deviation) for side in (1, -1)]
    return float(np.mean(tails_XX[0] + tails_XX[1]))


def power_to_equate(margin: float, spread: Spread, alpha: float) -> float:
    """Return the probability that models without any difference are equivalent within `margin` at `alpha`."""
    deviation, threshold_XX = _error_and_thresholds(spread, alpha)
    return float(np.mean(np.maximum(2 * special.ndtr((margin - threshold_XX) / deviation) - 1, 0)))


Power = Callable[[float, Spread, float], float]


def seeds_needed(power: Power, effect: float, spread: Spread, alpha: float, target: float) -> int | None:
    """Return the fewest seeds at which a power reaches `target`, on the same documents.

    **Arguments:** `power`: `power_to_find` or `power_to_equate`; `effect`: nats a token; `target` in (0, 1).
    **Returns:** at least MINIMUM_SEEDS; None where MOST_SEEDS would not do.
    """

    def reached(seeds: int) -> bool:
        return power(effect, replace(spread, seeds=seeds), alpha) >= target

    if not reached(MOST_SEEDS):
        return None
    too_few, enough = MINIMUM_SEEDS - 1, MOST_SEEDS
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if reached(middle) else (middle, enough)
    return enough


def _error_and_thresholds(spread: Spread, tail: float) -> tuple[float, np.ndarray]:
    """Return the standard error of the estimate and the half-widths of its interval, over both estimated
    spreads."""
    variance_seeds = spread.variance_of_a_seed / spread.seeds
    squared = [
        special.stdtrit(freedom, tail) ** 2 * variance * special.chdtri(freedom, _UPPER_TAILS) / freedom
        for variance, freedom in (
            (variance_seeds, spread.seeds - 1),
            (spread.variance_documents, spread.freedom_documents),
        )
    ]
    error = max(np.sqrt(variance_seeds + spread.variance_documents), np.finfo(float).tiny)
    return float(error), np.sqrt(squared[0][:, None] + squared[1])
