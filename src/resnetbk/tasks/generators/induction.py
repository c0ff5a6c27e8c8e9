"""Induction heads: a trigger among random words and again at the end, where the word after it is asked for.

Token 0 is the trigger, the rest are words, drawn with replacement. Sources: Olsson et al. 2022, arXiv:2209.11895;
Gu and Dao 2023, arXiv:2312.00752, section 4.1.2.
"""

from __future__ import annotations

import numpy as np

from resnetbk.params.tasks import Induction
from resnetbk.tasks.generators import Sequences, unlabelled

TRIGGER, SIGNS = 0, 1


def vocabulary_size(task: Induction) -> int:
    return task.vocabulary


def chance(task: Induction) -> float:
    return 1 / (task.vocabulary - SIGNS)


def sequences(task: Induction, generator: np.random.Generator, *, rows: int, length: int) -> Sequences:
    made = unlabelled(generator.integers(SIGNS, task.vocabulary, size=(rows, length)))
    place_B = generator.integers(length - 2, size=rows)
    row_B = np.arange(rows)
    made.tokens_BL[row_B, place_B] = TRIGGER
    made.tokens_BL[:, -1] = TRIGGER
    made.labels_BL[:, -1] = made.tokens_BL[row_B, place_B + 1]
    made.distance_BL[:, -1] = length - 2 - place_B
    return made


def answers(task: Induction, tokens: list[int]) -> dict[int, int]:
    return {len(tokens) - 1: tokens[tokens.index(TRIGGER) + 1]}
