"""A second opinion on the interval that makes no use of the t distribution."""

from __future__ import annotations

import numpy as np
from scipy import stats

_ELEMENTS = 2_000_000  # of a batch of resamples: 16 MB


def bootstrap_interval(
    difference_SD: np.ndarray, tokens_D: np.ndarray, confidence: float, *, resamples: int, seed: int = 0
) -> tuple[float, float]:
    """Return the BCa interval of the token-weighted mean under a bootstrap over seeds and documents.

    Seeds and documents are drawn anew, with replacement and independently; a resample holds every drawn seed
    on every drawn document (the pigeonhole bootstrap). The ends are quantiles of the resamples, moved for bias
    and for skewness; the skewness is that of the jackknife, over seeds and over documents. A single seed is
    kept: the interval is then over documents alone.

    With few seeds it is too narrow (a spread estimated from three values, without the t distribution's long
    tails; the calibration shows by how much), so no verdict rests on it: it checks the order of magnitude and
    the symmetry of the interval that decides.

    **Arguments:** `difference_SD` `[S, D]`, nats a token, D at least 2; `tokens_D` `[D]`; `confidence` in (0, 1);
    `resamples`: how many.
    **Returns:** lower and upper end, nats a token; the same for the same arguments.

    Source: Owen 2007, Annals of Applied Statistics 1:386 (pigeonhole); Efron 1987, J. American Statistical
    Association 82:171 (BCa).
    """
    S, D = difference_SD.shape
    flat = float(difference_SD.flat[0])
    if (difference_SD == flat).all():
        return flat, flat  # nothing to resample

    def weighted_mean(*places: np.ndarray, axis: int) -> np.ndarray:
        assert axis == -1
        *seeds_S, documents_D = places
        drawn_SD = difference_SD[seeds_S[0][..., :, None], documents_D[..., None, :]] if seeds_S else difference_SD
        difference_D = drawn_SD.mean(-2) if seeds_S else difference_SD[0, documents_D]
        weight_D = tokens_D[documents_D]
        return (weight_D * difference_D).sum(-1) / weight_D.sum(-1)

    places = (np.arange(S), np.arange(D)) if S > 1 else (np.arange(D),)
    result = stats.bootstrap(
        places,
        weighted_mean,
        n_resamples=resamples,
        batch=max(1, _ELEMENTS // (S * D)),
        vectorized=True,
        axis=-1,
        confidence_level=confidence,
        method="BCa",
        rng=np.random.Generator(np.random.PCG64(seed)),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
