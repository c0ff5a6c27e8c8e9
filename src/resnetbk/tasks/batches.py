"""Rows of a task as a pure function of (split, seed, step, length).

Each draw has a counter-based generator of its own, keyed by those four: the splits share no stream, and models of
one seed see the same rows in the same order.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from resnetbk.params.tasks import Task
from resnetbk.tasks.generators import load_generator

SPLITS = {"train": 0, "validation": 1, "test": 2}


class TaskBatch(NamedTuple):
    """What `generators.Sequences` holds, as int64 tensors [B, L]."""

    tokens_BL: Tensor
    labels_BL: Tensor
    distance_BL: Tensor


def task_batch(
    task: Task, split: Literal["train", "validation", "test"], *, seed: int, step: int, rows: int, length: int
) -> TaskBatch:
    """Return rows of a task.

    **Arguments:** `seed`: at least 0; `step`: number of the draw, at least 0; `length`: tokens a row.
    """
    key = np.random.SeedSequence((SPLITS[split], seed, step, length))
    generator = np.random.Generator(np.random.Philox(key))
    made = load_generator(task.kind).sequences(task, generator, rows=rows, length=length)
    return TaskBatch(*(torch.from_numpy(array) for array in made))
