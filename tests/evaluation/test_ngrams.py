from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from resnetbk.evaluation.ngrams import Bigrams, ngram_baselines, unigram


def documents(split):
    return [split.tokens[start : start + size].tolist() for start, size, _ in split.documents.tolist()]


def test_probabilities_sum_to_one_after_every_context(corpus, vocabulary_size):
    generator = np.random.default_rng(0)
    context, token = generator.integers(0, vocabulary_size - 1, (2, 90))
    model = Bigrams(context, token, unigram(token, vocabulary_size))
    every = np.arange(vocabulary_size)
    assert 0 < model.discount < 1
    for given in every:  # the last one was never seen
        assert model.probability(np.full(vocabulary_size, given), every).sum() == pytest.approx(1, abs=1e-12)


def test_losses_equal_a_plain_count(corpus, vocabulary_size):
    pairs = [pair for document in documents(corpus.split("train")) for pair in pairwise(document)]
    words, bigrams = Counter(word for _, word in pairs), Counter(pairs)
    contexts = Counter(context for context, _ in pairs)
    once, twice = (sum(count == times for count in bigrams.values()) for times in (1, 2))
    discount = once / (once + 2 * twice)

    def unigram_of(word):
        return (words[word] + 1) / (len(pairs) + vocabulary_size)

    def bigram_of(context, word):
        if not contexts[context]:
            return unigram_of(word)
        successors = sum(1 for left, _ in bigrams if left == context)
        kept = max(bigrams[context, word] - discount, 0)
        return (kept + discount * successors * unigram_of(word)) / contexts[context]

    baselines = ngram_baselines(corpus.split("train"), corpus.split("test"), vocabulary_size)
    for number, document in enumerate(documents(corpus.split("test"))):
        expected = {
            "unigram": -np.mean([np.log(unigram_of(word)) for word in document[1:]]),
            "bigram": -np.mean([np.log(bigram_of(*pair)) for pair in pairwise(document)]),
        }
        for name, loss in expected.items():
            row = baselines[name]["documents"][number]
            assert row["loss"] == pytest.approx(loss, rel=1e-12)
            assert row["tokens"] == len(document) - 1


def test_context_pays_where_there_is_some(vocabulary_size):
    cycle = np.tile(np.arange(1, 6), 40)
    model = Bigrams(cycle[:-1], cycle[1:], unigram(cycle[1:], vocabulary_size))
    assert model.probability(cycle[:-1], cycle[1:]).min() > 0.9
    assert model.probability(np.array([1]), np.array([1])) > 0  # unseen, not impossible
