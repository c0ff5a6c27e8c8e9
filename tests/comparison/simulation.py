"""Simulated comparisons in which the truth is known.

Legend: R simulated comparisons, S seeds, D documents; spreads in nats a token.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

RUNS = 10_000
# (seed, document, interaction): one alone, and mixed in several proportions.
SPREADS = {
    "seeds alone": (0.03, 0.0, 0.0),
    "documents alone": (0.0, 0.03, 0.0),
    "seeds": (0.03, 0.0, 0.001),
    "documents": (0.0, 0.03, 0.01),
    "interaction": (0.0, 0.0, 0.03),
    "typical": (0.006, 0.03, 0.01),
    "mixed": (0.012, 0.03, 0.01),
    "mostly seeds": (0.03, 0.03, 0.01),
}


def simulate(size, spread, *, difference=0.0, lengths=0.0, runs=RUNS):
    """Draw differences `[R, S, D]` under crossed random effects, and log-normal document lengths `[R, D]`."""
    (S, D), (of_seed, of_document, of_both) = size, SPREADS[spread]
    random = np.random.Generator(np.random.PCG64([S, D]))
    tokens_RD = np.exp(lengths * random.standard_normal((runs, D)))
    difference_RSD = (
        difference
        + of_seed * random.standard_normal((runs, S, 1))
        + of_document * random.standard_normal((runs, 1, D))
        + of_both * random.standard_normal((runs, S, D))
    )
    return difference_RSD, tokens_RD


def ceiling(rate: float, runs: int = RUNS) -> float:
    """The largest share of `runs` that a true rate explains (binomial, one side, 1 in 1000)."""
    return stats.binom.isf(1e-3, runs, rate) / runs


def floor(rate: float, runs: int = RUNS) -> float:
    """The smallest share of `runs` that a true rate explains (binomial, one side, 1 in 1000)."""
    return stats.binom.ppf(1e-3, runs, rate) / runs
