"""The order in which a training reads its data, as one hash: equal hashes, equal windows at equal steps."""

from __future__ import annotations

import hashlib

import numpy as np

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Split
from resnetbk.params.training import Train


def data_order_hash(split: Split, config: Train, seed: int) -> str:
    """Hash where in the split every window of every step starts.

    The function that makes the training's batches tells the places, given a split whose tokens are their own
    positions: a model that was shown other windows, or the same in another order, cannot have the same hash.

    **Arguments:** `split`: of which the length alone counts; `config`: steps, accumulation, batch size, length;
    `seed`: of the order.
    **Returns:** the SHA-256 of the starts as little-endian int64, rows within a batch, batches within a step.
    **Raises:** `UserError` when the split is too short for one window.
    """
    positions = Split(split.name, np.arange(len(split), dtype=np.int64), split.documents)
    order = hashlib.sha256()
    for number in range(config.steps * config.accumulation):
        x_BL, _ = training_batch(
            positions, step=number, batch_size=config.batch_size, length=config.length, seed=seed
        )
        order.update(x_BL[:, 0].numpy().astype("<i8").tobytes())
    return order.hexdigest()
