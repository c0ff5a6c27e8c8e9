"""Needles in a haystack: keys with their values strewn among random values; the end asks for the value of one key.

Token 0 announces a needle, 1 the question; half of the other ids are keys, the rest values. Keys and values of the
needles of a row are all different; the hay is drawn with replacement. After Kamradt 2023 and Hsieh et al. 2024,
arXiv:2404.06654, section 3.1, with tokens in place of text.
"""

from __future__ import annotations

import numpy as np

from resnetbk.params.tasks import Needle
from resnetbk.tasks.generators import Sequences, choose, unlabelled

NEEDLE, QUESTION, SIGNS = 0, 1, 2


def vocabulary_size(task: Needle) -> int:
    return task.vocabulary


def chance(task: Needle) -> float:
    """Return that of a guess among the needles of a row; of one needle, among all values."""
    return 1 / task.needles if task.needles > 1 else 1 / (task.vocabulary - SIGNS - _keys(task))


def sequences(task: Needle, generator: np.random.Generator, *, rows: int, length: int) -> Sequences:
    needles, first_value = task.needles, SIGNS + _keys(task)
    hay = length - 2 - 3 * needles
    keys_BN = SIGNS + choose(generator, rows, _keys(task), needles)
    values_BN = first_value + choose(generator, rows, task.vocabulary - first_value, needles)
    # distinct slots among the hay and the needles themselves, each needle then moved by those before it
    places_BN = np.sort(choose(generator, rows, hay + needles, needles), axis=1) + 2 * np.arange(needles)
    asked_B = generator.integers(needles, size=rows)
    row_B = np.arange(rows)
    made = unlabelled(generator.integers(first_value, task.vocabulary, size=(rows, length)))
    np.put_along_axis(made.tokens_BL, places_BN, NEEDLE, axis=1)
    np.put_along_axis(made.tokens_BL, places_BN + 1, keys_BN, axis=1)
    np.put_along_axis(made.tokens_BL, places_BN + 2, values_BN, axis=1)
    made.tokens_BL[:, -2] = QUESTION
    made.tokens_BL[:, -1] = keys_BN[row_B, asked_B]
    made.labels_BL[:, -1] = values_BN[row_B, asked_B]
    made.distance_BL[:, -1] = length - 1 - (places_BN[row_B, asked_B] + 2)
    return made


def answers(task: Needle, tokens: list[int]) -> dict[int, int]:
    values = {tokens[i + 1]: tokens[i + 2] for i, token in enumerate(tokens[:-2]) if token == NEEDLE}
    return {len(tokens) - 1: values[tokens[-1]]}


def _keys(task: Needle) -> int:
    return (task.vocabulary - SIGNS) // 2
