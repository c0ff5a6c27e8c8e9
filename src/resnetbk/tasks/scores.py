"""How a model does on rows of a task, at the positions that ask for something alone.

B rows, L tokens of a row, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.tasks.batches import TaskBatch
from resnetbk.tasks.generators import UNSCORED


def answer_loss(logits_BLV: Tensor, labels_BL: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean cross entropy of the answers, in nats: a scalar, differentiable.

    **Arguments:** `label_smoothing`: see `torch.nn.functional.cross_entropy`.
    """
    return F.cross_entropy(
        logits_BLV.flatten(0, 1), labels_BL.flatten(), ignore_index=UNSCORED, label_smoothing=label_smoothing
    )


@torch.inference_mode()
def score(model: nn.Module, batch: TaskBatch, *, rows: int, buckets: int) -> dict[str, Any]:
    """Score a model on rows that it reads whole.

    An answer is right when its token has the largest logit; one whose logits are not finite is wrong.

    **Arguments:** `rows`: read at a time; `buckets`: of equal width, into which distances up to L are sorted.
    **Returns:** `answers` (how many), `accuracy`, `loss` (nats an answer; null where it is not finite),
    `non_finite` (answers) and `by_distance`: rows of `distance` (the least of the bucket), answers and accuracy,
    without empty buckets.
    """
    mode = model.training
    model.eval()
    right, losses, distances = [], [], []
    for tokens_BL, labels_BL, distance_BL in zip(*(part.split(rows) for part in batch), strict=True):
        asked_BL = labels_BL != UNSCORED
        logits_AV, labels_A = model(tokens_BL)[asked_BL], labels_BL[asked_BL]
        losses.append(F.cross_entropy(logits_AV, labels_A, reduction="none").numpy().astype(np.float64))
        right.append((logits_AV.argmax(-1) == labels_A).numpy())
        distances.append(distance_BL[asked_BL].numpy())
    model.train(mode)
    loss_A, right_A, distance_A = (np.concatenate(parts) for parts in (losses, right, distances))
    finite_A = np.isfinite(loss_A)
    right_A &= finite_A
    return {
        "answers": len(right_A),
        "accuracy": _mean(right_A),
        "loss": math.fsum(loss_A.tolist()) / len(loss_A) if finite_A.all() else None,
        "non_finite": int(np.count_nonzero(~finite_A)),
        "by_distance": _by_distance(right_A, distance_A, batch.tokens_BL.shape[1], buckets),
    }


def _by_distance(right_A: np.ndarray, distance_A: np.ndarray, length: int, buckets: int) -> list[dict[str, Any]]:
    width = math.ceil(length / buckets)
    rows = []
    for least in range(0, length, width):
        right = right_A[(least <= distance_A) & (distance_A < least + width)]
        if len(right):
            rows.append({"distance": least, "answers": len(right), "accuracy": _mean(right)})
    return rows


def _mean(right: np.ndarray) -> float:
    return np.count_nonzero(right) / len(right)
