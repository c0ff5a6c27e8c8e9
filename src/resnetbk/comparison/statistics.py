r"""Paired differences of loss, with seeds and documents both random.

Legend: S seeds, D documents; leading axes `...` are independent repetitions.

Two models are evaluated on the same documents after training on the same data in the same order, seed by
seed. Let d_sj be their difference on document j under seed s and w_j = n_j / mean(n) that document's weight
by tokens. The model is crossed random effects, d_sj = delta + a_s + b_j + e_sj, and delta is estimated by
the difference of token-weighted losses, R = mean(w_j d_sj).

Variance. The seeds give V_S = var(R_s) / S. A token-weighted mean is a ratio of two sums over documents, so
the documents give the delete-one jackknife of that ratio, V_D = (D-1)/D sum_j (R - R_(j))^2, where
R_(j) - R = -w_j (d_.j - R) / (D - w_j); for equal lengths it is var(d_.j) / D exactly. Their expectations add
up to no less than the variance of R: both hold the interaction e. The analysis of variance would subtract it
once, at the price of an estimate that can be negative, or by luck far too small; we do not (Clark's min F').

Interval. With t_S and t_D the quantiles of Student's t for S-1 and D_eff-1 degrees of freedom, it is

    R -+ sqrt(t_S^2 V_S + t_D^2 V_D)                                                            (Banerjee)

and covers delta at least as often as promised, whatever the two variances, where documents are equally long: the
chi-squared distribution function G of one degree of freedom is concave, so with lambda the share of seeds in the
variance,

    E G(lambda t_S^2 X_S + (1-lambda) t_D^2 X_D) >= lambda E G(t_S^2 X_S) + (1-lambda) E G(t_D^2 X_D) = 1 - alpha.

D_eff = sum(n)^2 / sum(n^2) (Kish), because a few long documents may carry the variance. It is an approximation:
where lengths spread by a factor of e about their median and documents alone vary, false positives reach 5.5 % at
alpha 5 % (Bell and McCaffrey's degrees of freedom would make them 2 to 4 %). The p-value is the alpha at which the
interval just touches zero.

Why not Satterthwaite's degrees of freedom: with three seeds they are estimated from three numbers, and false
positives rise to 7.5 % at alpha 5 % and to 3 % at alpha 1 % where seeds and documents share the variance. Three
seeds are worth two degrees of freedom, however many documents there are; who wants more buys seeds. With one
seed V_S is unknown: the interval is over documents alone and says nothing about other seeds.

Sources: Banerjee 1960, Sankhya 22:357 (interval); Clark 1973, J. Verbal Learning Verbal Behavior 12:335 (min
F'); Cochran 1977, Sampling Techniques, 6.6 (ratio); Efron and Stein 1981, Annals of Statistics 9:586
(jackknife); Schuirmann 1987, J. Pharmacokinetics Biopharmaceutics 15:657 (equivalence); Hedges 1981, J.
Educational Statistics 6:107 (g).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

MINIMUM_SEEDS = 2
MINIMUM_DOCUMENTS = 5  # fewer say little about other documents, and Kish's number says less
SMALLEST_P_VALUE = 1e-100


@dataclass(frozen=True)
class CrossedMean:
    """A token-weighted mean difference and its two sources of error; arrays have the shape `[...]`."""

    estimate: np.ndarray  # nats a token
    variance_seeds: np.ndarray  # of the estimate; zero under a single seed
    variance_documents: np.ndarray
    freedom_seeds: int  # degrees of freedom; zero under a single seed
    freedom_documents: np.ndarray

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of the estimate, nats a token."""
        return np.sqrt(self.variance_seeds + self.variance_documents)

    def half_width(self, tail: float) -> np.ndarray:
        """Half the width of the interval that leaves out `tail`, in (0, 0.5), on each side."""
        seeds = stats.t.isf(tail, self.freedom_seeds) ** 2 * self.variance_seeds if self.freedom_seeds else 0
        documents = stats.t.isf(tail, self.freedom_documents) ** 2 * self.variance_documents
        return np.sqrt(seeds + documents)


def crossed_mean(difference_SD: np.ndarray, tokens_D: np.ndarray) -> CrossedMean:
    """Estimate a mean over crossed random seeds and documents (see the module).

    **Arguments:** `difference_SD` `[..., S, D]`: differences of mean loss, nats a token, S at least 1, D at
    least 2; `tokens_D` `[..., D]`: tokens of each document, positive floats.
    **Returns:** the estimate with its variances and degrees of freedom.
    """
    *_, S, D = difference_SD.shape
    assert D >= 2, "document-to-document variance needs two documents"
    weight_D = tokens_D / tokens_D.mean(-1, keepdims=True)
    estimate_S = (weight_D[..., None, :] * difference_SD).mean(-1)
    estimate = estimate_S.mean(-1)
    shift_D = weight_D * (difference_SD.mean(-2) - estimate[..., None]) / (D - weight_D)
    return CrossedMean(
        estimate=estimate,
        variance_seeds=estimate_S.var(-1, ddof=1) / S if S > 1 else np.zeros_like(estimate),
        variance_documents=(D - 1) / D * (shift_D**2).sum(-1),
        freedom_seeds=S - 1,
        freedom_documents=np.maximum(D / (weight_D**2).mean(-1) - 1, 1),
    )


def confidence_interval(mean: CrossedMean, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the two-sided interval at `confidence` in (0, 1), nats a token."""
    half = mean.half_width((1 - confidence) / 2)
    return mean.estimate - half, mean.estimate + half


def p_value(mean: CrossedMean) -> float:
    """Return the two-sided p-value of "the mean is zero": 1 - confidence of the interval that touches zero."""
    return 2 * _tail(mean, abs(float(mean.estimate)))


def equivalence_p_value(mean: CrossedMean, margin: float) -> float:
    """Return the p-value of "the mean lies at least `margin` from zero" (two one-sided tests).

    Small values say that the models are equivalent within the margin. It is the worse of the two tests, the one
    at the nearer end. `margin` is in nats a token, positive.
    """
    inside = margin - abs(float(mean.estimate))
    return _tail(mean, inside) if inside >= 0 else 1 - _tail(mean, -inside)


def excess_p_value(mean: CrossedMean, margin: float) -> float:
    """Return the p-value of "the mean lies within `margin` of zero", of the interval that touches that range.

    Small values say that the models differ by more than the margin, which is in nats a token, positive. It is
    twice the tail at the nearer end: where the margin is small against the error, chance may cross either.
    """
    outside = abs(float(mean.estimate)) - margin
    return 2 * _tail(mean, outside) if outside > 0 else 1.0


def hedges_g(difference_SD: np.ndarray, tokens_D: np.ndarray) -> float:
    """Return Hedges' g of the paired difference, in standard deviations *between documents*.

    The unit is a document, its difference averaged over seeds: g is the mean over documents divided by the
    standard deviation over documents, both weighted by tokens (reliability weights), times Hedges' factor for
    Kish's effective number of documents. The spread over seeds is not part of it.

    **Arguments:** `difference_SD` `[S, D]`, nats a token; `tokens_D` `[D]`.
    **Returns:** g, signed like the difference; 0 where no document differs.
    """
    share_D = tokens_D / tokens_D.sum()
    difference_D = difference_SD.mean(0)
    mean = (share_D * difference_D).sum()
    concentration = (share_D**2).sum()
    variance = (share_D * (difference_D - mean) ** 2).sum() / (1 - concentration)
    if variance == 0:
        assert mean == 0, "a constant difference has no effect size"
        return 0.0
    freedom = max(1 / concentration - 1, 1 + 1e-9)  # Hedges' factor falls to zero at one degree of freedom
    factor = np.exp(special.gammaln(freedom / 2) - special.gammaln((freedom - 1) / 2)) * np.sqrt(2 / freedom)
    return float(factor * mean / np.sqrt(variance))


def _tail(mean: CrossedMean, distance: float) -> float:
    """Return the tail in (0, 0.5] at which half the interval is `distance` wide, at least SMALLEST_P_VALUE."""
    if distance <= mean.half_width(0.5):
        return 0.5
    if distance >= mean.half_width(SMALLEST_P_VALUE):
        return SMALLEST_P_VALUE

    def excess(log_tail: float) -> float:
        return float(mean.half_width(np.exp(log_tail))) - distance

    ends = np.log(SMALLEST_P_VALUE), np.log(0.5)
    return float(np.exp(optimize.brentq(excess, *ends, xtol=1e-14, rtol=1e-14)))
