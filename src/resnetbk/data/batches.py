"""Batches as pure functions: no loader, no state, no global random numbers.

The data order belongs to (seed, step) alone, so every model sees the same tokens and a resumed run goes on
where it stopped without replaying anything.

Shapes: B rows of a batch, L tokens of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from resnetbk.data.corpus import Split
from resnetbk.errors import UserError


def training_batch(split: Split, *, step: int, batch_size: int, length: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return one batch of windows of the packed split.

    An epoch visits every window once, in an order drawn anew; windows lie side by side from an offset drawn
    anew too, so that a token is not always seen at the same place in its window.

    **Arguments:** `step`: counts batches from 0; `batch_size`: rows; `length`: tokens predicted a row;
    `seed`: of the order.
    **Returns:** `x_BL` and `y_BL`, int64, with `y[:, t] == x[:, t + 1]`.
    **Raises:** `UserError` when the split is too short for one window.
    """
    windows = len(split) // length - 1  # as many as fit whatever the offset
    if windows < 1:
        raise UserError(
            f"the {split.name} split holds {len(split):,} tokens, too few for windows of {length}; "
            "shorten train.length or prepare more documents"
        )
    starts = []
    for sample in range(step * batch_size, (step + 1) * batch_size):
        epoch, place = divmod(sample, windows)
        offset, order = _epoch(windows, length, seed, epoch)
        starts.append(offset + length * int(order[place]))
    rows = np.stack([split.tokens[start : start + length + 1] for start in starts])
    tokens = torch.from_numpy(rows.astype(np.int64))
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


@lru_cache(maxsize=2)
def _epoch(windows: int, length: int, seed: int, epoch: int) -> tuple[int, np.ndarray]:
    """Return an epoch's offset and its order of windows, from a counter-based generator."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch))))
    return int(generator.integers(length)), generator.permutation(windows)


class EvaluationBatch(NamedTuple):
    """Rows to score: inputs, targets, which of them count, whose they are, and their places in the window."""

    x_BL: Tensor
    y_BL: Tensor
    mask_BL: Tensor
    document_BL: Tensor
    position_L: Tensor


def evaluation_windows(split: Split, *, length: int, batch_size: int) -> Iterator[EvaluationBatch]:
    """Yield windows that score every predicted token of a split once, in order.

    Each document is cut, from its first real token on, into stretches of `length` tokens; the last is filled
    up with the document's `EOS`, masked. A window never reaches over the end of a document, and its first
    token is predicted from the one before it.

    **Arguments:** `length`: tokens predicted a row; `batch_size`: rows, fewer in the last batch.
    **Yields:** `x_BL`, `y_BL` (int64), `mask_BL` (bool, True where `y` counts), `document_BL` (int64, row of
    `split.documents`), `position_L` (int64, tokens of the window before the input).
    """
    rows = [
        (document, int(start) + cut, min(length, int(count) - 1 - cut))
        for document, (start, count, _) in enumerate(split.documents)
        for cut in range(0, int(count) - 1, length)
    ]
    position_L = torch.arange(length)
    eos = int(split.tokens[0])  # opens the first document
    for first in range(0, len(rows), batch_size):
        batch = rows[first : first + batch_size]
        tokens = np.full((len(batch), length + 1), eos, np.int64)
        mask = np.zeros((len(batch), length), bool)
        for row, (_, start, count) in enumerate(batch):
            tokens[row, : count + 1] = split.tokens[start : start + count + 1]
            mask[row, :count] = True
        documents = np.repeat(np.array([[document] for document, _, _ in batch], np.int64), length, axis=1)
        x_BL = torch.from_numpy(tokens[:, :-1].copy())
        y_BL = torch.from_numpy(tokens[:, 1:].copy())
        yield EvaluationBatch(x_BL, y_BL, torch.from_numpy(mask), torch.from_numpy(documents), position_L)
