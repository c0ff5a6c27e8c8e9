r"""A third opinion that assumes symmetry and nothing else: the signs of the paired differences are flipped.

If two models were equal, the difference of each pair could as well have had the other sign. Which pairs are
flipped together says what the test generalises over:

- by seed: all documents of a seed keep together. Exact for other seeds on *these* documents. S seeds have 2^S
  assignments of signs, so the smallest two-sided p is 2 / 2^S: 1/4 with three seeds, 1/16 with five, and below
  0.05 from six seeds on.
- by document: all seeds of a document keep together. Exact for other documents under *these* seeds.
- both: for other seeds and documents. No single flip leaves crossed random effects as they were, so the two are
  added: with signs g over seeds and h over documents, R = mean_s R_s is held against
  T = mean_s(g_s R_s) + mean_j(h_j w_j (d_.j - R)). The documents are centred, or the noise of the seeds would
  enter twice; in expectation T varies no less than R (the interaction is in both parts, as in `statistics`). The
  p-value is the largest of the three, so where only one factor varies its level is at most alpha; where both do,
  the calibration shows that it is.

Sources: Fisher 1935, The Design of Experiments, 21 (sign flips); Phipson and Smyth 2010, Statistical Applications
in Genetics and Molecular Biology 9:39 (a p-value from random flips is never zero).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

_ELEMENTS = 1_000_000  # of a batch of assignments: 8 MB


@dataclass(frozen=True)
class SignFlips:
    """Two-sided p-values of "no difference" under flipped signs; None where a single seed says nothing."""

    seeds: float | None
    documents: float
    both: float | None
    smallest: float | None  # that `seeds`, and so `both`, can reach with this many seeds


def sign_flip_test(difference_SD: np.ndarray, tokens_D: np.ndarray, *, resamples: int, seed: int = 0) -> SignFlips:
    """Test "no difference" by flipping signs of seeds, of documents and of both.

    **Arguments:** `difference_SD` `[S, D]`, nats a token; `tokens_D` `[D]`; `resamples`: up to that many
    assignments are enumerated, and the test is exact; of more that many are drawn.
    **Returns:** the p-values; the same for the same arguments.
    """
    S = len(difference_SD)
    weight_D = tokens_D / tokens_D.mean()
    difference_D = difference_SD.mean(0)
    documents = _flip(weight_D * difference_D, resamples, seed)
    if S == 1:
        return SignFlips(seeds=None, documents=float(documents.pvalue), both=None, smallest=None)
    seeds = _flip((weight_D * difference_SD).mean(1), resamples, seed)
    centred = _flip(weight_D * (difference_D - seeds.statistic), resamples, seed)
    added = _p_of_a_sum(abs(float(seeds.statistic)), seeds.null_distribution, centred.null_distribution)
    return SignFlips(
        seeds=float(seeds.pvalue),
        documents=float(documents.pvalue),
        both=float(max(seeds.pvalue, documents.pvalue, added)),
        smallest=2 / min(2**S, resamples + 1),
    )


def _p_of_a_sum(observed: float, first_F: np.ndarray, second_G: np.ndarray) -> float:
    """Return how often |first + second| is at least `observed` over all pairs of two null distributions."""
    sorted_G = np.sort(second_G)
    reach = observed * (1 - 1e-12)  # a sum of the same terms in another order is not a smaller one
    above_F = len(sorted_G) - np.searchsorted(sorted_G, reach - first_F, side="left")
    below_F = np.searchsorted(sorted_G, -reach - first_F, side="right")
    return float(np.minimum(above_F + below_F, len(sorted_G)).mean() / len(sorted_G))


def _flip(values: np.ndarray, resamples: int, seed: int):
    return stats.permutation_test(
        (values,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _ELEMENTS // len(values)),
        rng=np.random.Generator(np.random.PCG64(seed)),
    )
