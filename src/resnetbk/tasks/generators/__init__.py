"""Generators of sequences whose answers are known, one task per file; `tasks.<name>.kind` in params.yaml names it.

A generator is a module with

- `vocabulary_size(task) -> int`, the number of token ids;
- `chance(task) -> float`, the accuracy of a guess that knows which answers are possible and not which is right;
- `sequences(task, generator, *, rows, length) -> Sequences`, of the NumPy generator it is given alone;
- `answers(task, tokens) -> dict[int, int]`, position to answer, worked out from the tokens of one row alone: a
  checker that shares no code with `sequences`.

The answer at a position is what a model should predict *after* it has read the token there. Signs have the lowest
token ids, so that a task of more words has the ids of the smaller one and more.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import NamedTuple

import numpy as np

UNSCORED = -100  # the label that cross entropy leaves out


class Sequences(NamedTuple):
    """Rows of a task, int64: B rows, L tokens.

    `labels_BL` is `UNSCORED` where nothing is asked. `distance_BL` says how many tokens back the token lies on
    which the answer depends, the farthest where there are several; 0 where nothing is asked.
    """

    tokens_BL: np.ndarray
    labels_BL: np.ndarray
    distance_BL: np.ndarray


def unlabelled(tokens_BL: np.ndarray) -> Sequences:
    """Return rows in which nothing is asked yet."""
    return Sequences(tokens_BL, np.full_like(tokens_BL, UNSCORED), np.zeros_like(tokens_BL))


def choose(generator: np.random.Generator, rows: int, choices: int, count: int) -> np.ndarray:
    """Return `count` different integers below `choices` for each row, in random order: int64 [rows, count]."""
    return generator.permuted(np.tile(np.arange(choices), (rows, 1)), axis=1)[:, :count]


def load_generator(kind: str) -> ModuleType:
    """Return the module of a kind of task."""
    return importlib.import_module(f"{__name__}.{kind}")
