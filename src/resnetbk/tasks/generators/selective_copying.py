"""Selective copying: words strewn among blanks, then a marker for each, at which it is asked for, in order.

Token 0 is the blank, 1 the marker, the rest are words, drawn with replacement. Sources: Jing et al. 2019,
arXiv:1706.02761, section 4.2.1; Gu and Dao 2023, arXiv:2312.00752, section 4.1.1.
"""

from __future__ import annotations

import numpy as np

from resnetbk.params.tasks import SelectiveCopying
from resnetbk.tasks.generators import Sequences, choose, unlabelled

BLANK, MARKER, SIGNS = 0, 1, 2


def vocabulary_size(task: SelectiveCopying) -> int:
    return task.vocabulary


def chance(task: SelectiveCopying) -> float:
    return 1 / (task.vocabulary - SIGNS)


def sequences(task: SelectiveCopying, generator: np.random.Generator, *, rows: int, length: int) -> Sequences:
    context = length - task.copied
    places_BC = np.sort(choose(generator, rows, context, task.copied), axis=1)
    words_BC = generator.integers(SIGNS, task.vocabulary, size=(rows, task.copied))
    made = unlabelled(np.full((rows, length), BLANK))
    np.put_along_axis(made.tokens_BL, places_BC, words_BC, axis=1)
    made.tokens_BL[:, context:] = MARKER
    made.labels_BL[:, context:] = words_BC
    made.distance_BL[:, context:] = context + np.arange(task.copied) - places_BC
    return made


def answers(task: SelectiveCopying, tokens: list[int]) -> dict[int, int]:
    words = [token for token in tokens if token not in (BLANK, MARKER)]
    return dict(enumerate(words, start=tokens.index(MARKER)))
