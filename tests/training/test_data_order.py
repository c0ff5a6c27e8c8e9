"""One hash for one order of windows: every knob that moves a window changes it, and nothing else does."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from tests.training.small_cell import PARAMS_FILE

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Split
from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.training.data_order import data_order_hash

CONFIG = load_params(PARAMS_FILE).train.model_copy(
    update={"steps": 5, "batch_size": 3, "length": 8, "accumulation": 2}
)


def split(tokens: int = 400) -> Split:
    """A split in which every token tells its place."""
    return Split("train", np.arange(tokens, dtype="<u2"), np.zeros((1, 3), np.int64))


def test_it_is_the_hash_of_the_first_tokens_places():
    starts = []
    for number in range(10):
        x_BL, _ = training_batch(split(), step=number, batch_size=3, length=8, seed=4)
        starts += x_BL[:, 0].tolist()
    assert len(set(starts)) == len(starts) == 30
    expected = hashlib.sha256(np.array(starts, "<i8").tobytes()).hexdigest()
    assert data_order_hash(split(), CONFIG, seed=4) == expected


def test_what_the_tokens_are_does_not_matter():
    other = Split("train", split().tokens[::-1], split().documents)
    assert data_order_hash(other, CONFIG, 0) == data_order_hash(split(), CONFIG, 0)


def test_what_does_not_move_a_window_does_not_matter():
    config = CONFIG.model_copy(update={"learning_rate": 0.5, "validation_interval": 3})
    assert data_order_hash(split(), config, 0) == data_order_hash(split(), CONFIG, 0)


@pytest.mark.parametrize("change", [{"steps": 6}, {"batch_size": 2}, {"length": 7}, {"accumulation": 1}])
def test_what_moves_a_window_does(change):
    changed = data_order_hash(split(), CONFIG.model_copy(update=change), 0)
    assert changed != data_order_hash(split(), CONFIG, 0)


def test_seed_and_length_of_the_split_matter():
    hashes = [data_order_hash(split(n), CONFIG, seed) for n, seed in ((400, 0), (400, 1), (500, 0))]
    assert len(set(hashes)) == 3


def test_a_split_that_is_too_short_is_one_error():
    with pytest.raises(UserError, match="too few for windows of 8"):
        data_order_hash(split(10), CONFIG, 0)
