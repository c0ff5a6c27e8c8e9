"""Multi-query associative recall (MQAR) as Zoology makes it: Arora et al. 2023, arXiv:2312.04927.

Token 0 is a blank, the keys are 1..V/2-1, the values V/2..V-1. A row opens with the pairs, key then value, all of
them different; then each key comes once more among blanks, at an even place whose distance follows a power law,
and asked there is its value.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from resnetbk.params.tasks import MultiQueryRecall
from resnetbk.tasks.generators import Sequences, choose, unlabelled

GAP_POWER = 0.01  # Zoology's power_a: a place g has a weight of g^(power_a - 1)


def vocabulary_size(task: MultiQueryRecall) -> int:
    return task.vocabulary


def chance(task: MultiQueryRecall) -> float:
    return 1 / task.pairs  # any value of the row


def sequences(task: MultiQueryRecall, generator: np.random.Generator, *, rows: int, length: int) -> Sequences:
    pairs, half = task.pairs, task.vocabulary // 2
    keys_BP = 1 + choose(generator, rows, half - 1, pairs)
    values_BP = half + choose(generator, rows, task.vocabulary - half, pairs)
    places_BP = 2 * pairs + 2 * _places(generator, rows, pairs, (length - 2 * pairs) // 2)
    made = unlabelled(np.zeros((rows, length), np.int64))
    made.tokens_BL[:, 0 : 2 * pairs : 2] = keys_BP
    made.tokens_BL[:, 1 : 2 * pairs : 2] = values_BP
    np.put_along_axis(made.tokens_BL, places_BP, keys_BP, axis=1)
    np.put_along_axis(made.labels_BL, places_BP, values_BP, axis=1)
    np.put_along_axis(made.distance_BL, places_BP, places_BP - (2 * np.arange(pairs) + 1), axis=1)
    return made


def answers(task: MultiQueryRecall, tokens: list[int]) -> dict[int, int]:
    value_of, found = {}, {}
    for position, token in enumerate(tokens):
        if token in value_of:
            found[position] = value_of[token]
        elif 0 < token < task.vocabulary // 2:
            value_of[token] = tokens[position + 1]
    return found


def _places(generator: np.random.Generator, rows: int, pairs: int, slots: int) -> np.ndarray:
    """Draw `pairs` different slots for each row, one after another by weight: [rows, pairs].

    Exponential clocks that tick at these rates ring in the order of such draws (Efraimidis and Spirakis 2006).
    """
    return np.argsort(generator.standard_exponential((rows, slots)) / _weights(slots), axis=1)[:, :pairs]


@lru_cache(maxsize=8)
def _weights(slots: int) -> np.ndarray:
    """Return the power law, to ten digits: the last bit of a host's power must not decide a draw."""
    return np.array([float(f"{(slot + 1) ** (GAP_POWER - 1):.10g}") for slot in range(slots)])
