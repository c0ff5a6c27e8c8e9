"""One small task of each kind, and models that need no training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from resnetbk.params.tasks import (
    Induction,
    ModularCounting,
    MultiQueryRecall,
    Needle,
    SelectiveCopying,
    Task,
)
from resnetbk.tasks.generators import load_generator

QUICK: dict[str, Any] = {
    "length": 16,
    "layers": 1,
    "parameter_budget": 7_500,
    "steps": 4,
    "tune_steps": 2,
    "warmup_steps": 1,
    "batch_size": 4,
    "validation_rows": 8,
    "test_rows": 8,
    "validations": 2,
}


def counting(**changes: Any) -> ModularCounting:
    return ModularCounting(**{"kind": "modular_counting", "modulus": 3, **QUICK, **changes})


def mqar(**changes: Any) -> MultiQueryRecall:
    return MultiQueryRecall(**{"kind": "mqar", "pairs": 4, "vocabulary": 16, **QUICK, **changes})


def copying(**changes: Any) -> SelectiveCopying:
    return SelectiveCopying(**{"kind": "selective_copying", "copied": 4, "vocabulary": 10, **QUICK, **changes})


def induction(**changes: Any) -> Induction:
    return Induction(**{"kind": "induction", "vocabulary": 9, **QUICK, **changes})


def needle(**changes: Any) -> Needle:
    return Needle(**{"kind": "needle", "needles": 3, "vocabulary": 17, **QUICK, **changes})


TASKS: tuple[Task, ...] = (
    counting(),
    counting(modulus=2),
    mqar(),
    copying(),
    induction(),
    needle(),
    needle(needles=1),
)


class Oracle(nn.Module):
    """Gives each asked position the logits of the checker's answer, and zeros elsewhere."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.task, self.generator = task, load_generator(task.kind)

    def forward(self, tokens_BL: Tensor) -> Tensor:
        logits_BLV = torch.zeros(*tokens_BL.shape, self.generator.vocabulary_size(self.task))
        for row, tokens in enumerate(tokens_BL.tolist()):
            for position, answer in self.generator.answers(self.task, tokens).items():
                logits_BLV[row, position, answer] = 9.0
        return logits_BLV
