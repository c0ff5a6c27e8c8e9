"""Held-out loss of a model: each predicted token of a split is scored exactly once.

B batch, L length, V vocabulary, D documents.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from resnetbk.data.batches import evaluation_windows
from resnetbk.data.corpus import Split
from resnetbk.errors import UserError
from resnetbk.evaluation.summary import summarise
from resnetbk.params.evaluation import Evaluate


class NonFiniteLoss(UserError):
    """A loss that is not a number, or infinite."""


@torch.inference_mode()
def held_out_loss(model: nn.Module, split: Split, config: Evaluate) -> dict[str, Any]:
    """Score a model on a split in windows of `config.length` predicted tokens that do not overlap.

    Losses are summed in float64 in the order of the split.

    **Arguments:** `config`: `length`, the most context a token is given; `batch_size`, windows at a time;
    `position_bucket`, neighbouring positions of a window whose loss is averaged.
    **Returns:** what `summarise` returns, and loss_by_position: rows of position (the first of the bucket,
    0 has one token of context), loss (nats per token) and tokens.
    **Raises:** `NonFiniteLoss` naming document and token when a loss is not finite.
    """
    documents = len(split.documents)
    nats_D, tokens_D = np.zeros(documents), np.zeros(documents, np.int64)
    nats_L, tokens_L = np.zeros(config.length), np.zeros(config.length, np.int64)
    mode = model.training
    model.eval()
    for tokens_BL, labels_BL, mask_BL, document_BL, position_L in evaluation_windows(
        split, length=config.length, batch_size=config.batch_size
    ):
        losses = F.cross_entropy(model(tokens_BL)[mask_BL], labels_BL[mask_BL], reduction="none")
        mask = mask_BL.numpy()
        nats = losses.numpy().astype(np.float64)
        document = document_BL.numpy()[mask]
        position = np.broadcast_to(position_L.numpy(), mask.shape)[mask]
        _require_finite(nats, document, tokens_D, split.name)
        nats_D += np.bincount(document, weights=nats, minlength=documents)
        tokens_D += np.bincount(document, minlength=documents)
        nats_L += np.bincount(position, weights=nats, minlength=config.length)
        tokens_L += np.bincount(position, minlength=config.length)
    model.train(mode)
    expected_D = split.documents[:, 1] - 1
    assert np.array_equal(tokens_D, expected_D), "a token was scored twice or not at all"
    return {
        **summarise(nats_D, tokens_D, split.documents[:, 2]),
        "loss_by_position": _by_position(nats_L, tokens_L, config.position_bucket),
    }


def _require_finite(nats: np.ndarray, document: np.ndarray, scored_D: np.ndarray, split: str) -> None:
    """Raise `NonFiniteLoss` for the first loss that is not finite; `scored_D` counts the tokens scored before."""
    broken = np.flatnonzero(~np.isfinite(nats))
    if len(broken):
        first = broken[0]
        number = document[first]
        token = scored_D[number] + np.count_nonzero(document[:first] == number)
        raise NonFiniteLoss(
            f"the loss of document {number} of the {split} split is {nats[first]} at position {token}: the "
            "weights are not usable; train the cell again"
        )


def _by_position(nats_L: np.ndarray, tokens_L: np.ndarray, bucket: int) -> list[dict[str, Any]]:
    """Average the loss over buckets of neighbouring positions; empty buckets are left out."""
    rows = []
    for start in range(0, len(nats_L), bucket):
        tokens = int(tokens_L[start : start + bucket].sum())
        if tokens:
            nats = math.fsum(nats_L[start : start + bucket].tolist())
            rows.append({"position": start, "loss": nats / tokens, "tokens": tokens})
    return rows
