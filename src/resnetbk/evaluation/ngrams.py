"""What counting alone achieves: unigram and bigram models of the train split, scored as the networks are.

V vocabulary, D documents, T predicted tokens of a split: all but the eos that opens each document.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from resnetbk.data.corpus import Split
from resnetbk.evaluation.summary import summarise


def ngram_baselines(train: Split, test: Split, vocabulary_size: int) -> dict[str, dict[str, Any]]:
    """Return the summary of a unigram and of a bigram model on the test split (see `summarise`).

    **Arguments:** `train`: the split that is counted; `test`: the split that is scored, each of its predicted
    tokens once.
    """
    context_T, token_T = _pairs(train)
    unigram_V = unigram(token_T, vocabulary_size)
    bigrams = Bigrams(context_T, token_T, unigram_V)
    test_context_T, test_token_T = _pairs(test)
    return {
        "unigram": _summary(unigram_V[test_token_T], test),
        "bigram": _summary(bigrams.probability(test_context_T, test_token_T), test),
    }


def unigram(token_T: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """Return the add-one estimate (Laplace) of each token's probability, float64 [V]."""
    count_V = np.bincount(token_T, minlength=vocabulary_size)
    return (count_V + 1) / (len(token_T) + vocabulary_size)


class Bigrams:
    """Bigrams with absolute discounting, interpolated with a unigram.

    p(w | u) = max(c(u, w) - d, 0) / c(u) + d N(u) / c(u) p(w), N(u) the number of tokens seen after u, with
    the discount d = n1 / (n1 + 2 n2) of the bigrams seen once and twice (Ney, Essen & Kneser 1994, Computer
    Speech and Language 8:1).
    """

    def __init__(self, context_T: np.ndarray, token_T: np.ndarray, unigram_V: np.ndarray) -> None:
        size = len(unigram_V)
        ones = np.ones(len(token_T), np.int64)
        self.count_VV = csr_array((ones, (context_T, token_T)), shape=(size, size))
        self.count_VV.sum_duplicates()
        self.unigram_V = unigram_V
        self.context_V = np.bincount(context_T, minlength=size)
        self.successors_V = np.diff(self.count_VV.indptr)
        once, twice = (int((self.count_VV.data == times).sum()) for times in (1, 2))
        # Without bigrams seen once there is nothing to estimate from; zero would forbid all that is unseen.
        self.discount = once / (once + 2 * twice) if once else 0.5

    def probability(self, context_T: np.ndarray, token_T: np.ndarray) -> np.ndarray:
        """Return p(token | context) of each pair, float64 [T]; the unigram after a context never seen."""
        count_T = self.count_VV[context_T, token_T]
        total_T = self.context_V[context_T]
        seen_T = np.maximum(total_T, 1)
        back_off_T = np.where(total_T > 0, self.discount * self.successors_V[context_T] / seen_T, 1.0)
        return np.maximum(count_T - self.discount, 0.0) / seen_T + back_off_T * self.unigram_V[token_T]


def _pairs(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return each predicted token of a split and the token before it, int64."""
    tokens = np.asarray(split.tokens).astype(np.int64)
    position = np.flatnonzero(_predicted(split))
    return tokens[position - 1], tokens[position]


def _predicted(split: Split) -> np.ndarray:
    """Say of each token of a split whether it is predicted, bool."""
    starts = split.documents[:, 0]
    assert split.documents[:, 1].sum() == len(split.tokens), "documents do not tile the split"
    predicted = np.ones(len(split.tokens), bool)
    predicted[starts] = False
    return predicted


def _summary(probability_T: np.ndarray, split: Split) -> dict[str, Any]:
    tokens_D = split.documents[:, 1] - 1
    document_T = np.repeat(np.arange(len(tokens_D)), tokens_D)
    nats_D = np.bincount(document_T, weights=-np.log(probability_T), minlength=len(tokens_D))
    return summarise(nats_D, tokens_D, split.documents[:, 2])
