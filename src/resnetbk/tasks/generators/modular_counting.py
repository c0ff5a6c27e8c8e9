"""Counting modulo m: random digits 0..m-1 after a sign that opens the row, and at each their sum so far mod m.

With m = 2 it is parity. Both are regular languages that a recurrence recognises only if its transition can be
negative (parity) or complex or of several dimensions (m > 2): Grazzi et al. 2024, arXiv:2411.12537, theorems 1
and 2. The answer depends on every digit so far, so its distance is that to the first.
"""

from __future__ import annotations

import numpy as np

from resnetbk.params.tasks import ModularCounting
from resnetbk.tasks.generators import Sequences, unlabelled


def vocabulary_size(task: ModularCounting) -> int:
    return task.modulus + 1


def chance(task: ModularCounting) -> float:
    return 1 / task.modulus


def sequences(task: ModularCounting, generator: np.random.Generator, *, rows: int, length: int) -> Sequences:
    opening = task.modulus
    digits = generator.integers(task.modulus, size=(rows, length - 1))
    made = unlabelled(np.concatenate([np.full((rows, 1), opening), digits], axis=1))
    made.labels_BL[:, 1:] = digits.cumsum(axis=1) % task.modulus
    made.distance_BL[:, 1:] = np.arange(length - 1)
    return made


def answers(task: ModularCounting, tokens: list[int]) -> dict[int, int]:
    found, remainder = {}, 0
    for position, digit in enumerate(tokens[1:], start=1):
        remainder = (remainder + digit) % task.modulus
        found[position] = remainder
    return found
