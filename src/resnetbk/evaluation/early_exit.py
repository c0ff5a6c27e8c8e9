"""Adaptive depth without training for it: a token leaves at the first depth that is sure enough.

A trained model's last norm and head read every depth, and the confidence is the largest probability. What a
depth costs is counted: its layers, and a norm and head for each depth that was asked. When the sequence goes on,
the later layers still owe their state: these FLOPs are what a token's answer needs, a lower bound of what a
decoder spends.

Source: Schuster et al., "Confident Adaptive Language Modeling", 2022, section 3.

B batch, L length, K depths, T tokens that count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from resnetbk.data.batches import evaluation_windows
from resnetbk.data.corpus import Split
from resnetbk.evaluation.depth import first_layers, forward_flops
from resnetbk.models.language_model import LanguageModel


class Answers(NamedTuple):
    """Of each token at each depth: the loss (nats) and the largest probability, float64 [K, T]."""

    nats_KT: np.ndarray
    confidence_KT: np.ndarray


def early_exit(
    model: LanguageModel, split: Split, *, length: int, batch_size: int, confidences: list[float]
) -> dict[str, Any]:
    """Score a split at every depth, and where each token leaves at the first depth of some confidence.

    **Arguments:** `length`, `batch_size`: of the windows, see `evaluation_windows`.
    **Returns:** tokens, and rows of depth or confidence (the other is None), loss (nats per token), mean_depth
    (layers), flops (forward, per token), exits (the share of tokens that leaves at each depth) and on_front
    (whether no other row has neither more loss nor more FLOPs, and one of them less).
    """
    depths = range(1, model.dimensions["layers"] + 1)
    flops_K = []
    for depth in (0, *depths):
        with first_layers(model, depth):
            flops_K.append(forward_flops(model, length) / length)
    head = flops_K.pop(0)
    asked_K = [flops + place * head for place, flops in enumerate(flops_K)]
    answers = Answers(
        *(np.concatenate(parts, axis=1) for parts in zip(*_answers(model, split, length, batch_size), strict=True))
    )
    tokens = answers.nats_KT.shape[1]
    rows = [
        _row(answers, np.full(tokens, place), flops_K, depth=depth, confidence=None)
        for place, depth in enumerate(depths)
    ]
    for confidence in confidences:
        sure_KT = answers.confidence_KT >= confidence
        sure_KT[-1] = True  # the last depth answers whatever is left
        rows.append(_row(answers, sure_KT.argmax(0), asked_K, depth=None, confidence=confidence))
    for row in rows:
        row["on_front"] = not any(_dominates(other, row) for other in rows)
    return {"tokens": tokens, "rows": rows}


@torch.inference_mode()
def _answers(model: LanguageModel, split: Split, length: int, batch_size: int) -> Iterator[Answers]:
    """Yield what every depth answers, batch by batch."""
    mode = model.training
    model.eval()
    for tokens_BL, labels_BL, mask_BL, *_ in evaluation_windows(split, length=length, batch_size=batch_size):
        depths = []
        for depth in range(1, model.dimensions["layers"] + 1):
            with first_layers(model, depth):
                log_TV = torch.log_softmax(model(tokens_BL)[mask_BL], -1)
            nats_T = -log_TV.gather(1, labels_BL[mask_BL][:, None])[:, 0]
            depths.append((nats_T, log_TV.amax(-1).exp()))
        yield Answers(*(_stacked(parts) for parts in zip(*depths, strict=True)))
    model.train(mode)


def _stacked(parts: tuple[Tensor, ...]) -> np.ndarray:
    return torch.stack(parts).numpy().astype(np.float64)


def _row(
    answers: Answers, exit_T: np.ndarray, flops_K: list[float], *, depth: int | None, confidence: float | None
) -> dict[str, Any]:
    """Describe an assignment of tokens to depths; `exit_T` counts them from 0."""
    share_K = np.bincount(exit_T, minlength=len(flops_K)) / len(exit_T)
    return {
        "depth": depth,
        "confidence": confidence,
        "loss": float(np.take_along_axis(answers.nats_KT, exit_T[None], 0).mean()),
        "mean_depth": float(exit_T.mean() + 1),
        "flops": float(share_K @ flops_K),
        "exits": share_K.tolist(),
    }


def _dominates(other: dict[str, Any], row: dict[str, Any]) -> bool:
    pairs = [(other[key], row[key]) for key in ("loss", "flops")]
    return all(theirs <= ours for theirs, ours in pairs) and any(theirs < ours for theirs, ours in pairs)
