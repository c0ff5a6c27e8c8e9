"""A row of the history under the names by which it is tracked."""

import math

import pytest

from resnetbk.training.curves import curves

CARD = {"splits": {"train": {"tokens": 10, "bytes": 30}, "validation": {"tokens": 10, "bytes": 20}}}


def test_a_training_row():
    row = {"step": 3, "tokens": 300, "loss": math.log(8), "gradient_norm": 0.5, "experts/entropy": 0.1}
    assert curves(row, CARD) == {
        "train/loss": math.log(8),
        "train/perplexity": pytest.approx(8),
        "train/bits_per_byte": pytest.approx(1),
        "train/tokens": 300,
        "train/gradient_norm": 0.5,
        "experts/entropy": 0.1,
    }


def test_a_validation_row():
    assert curves({"step": 3, "tokens": 300, "validation_loss": math.log(4)}, CARD) == {
        "validation/loss": math.log(4),
        "validation/perplexity": pytest.approx(4),
        "validation/bits_per_byte": pytest.approx(1),
    }


def test_a_loss_without_a_perplexity_stops_nothing():
    assert curves({"step": 1, "tokens": 1, "loss": 1000.0}, CARD)["train/perplexity"] == math.inf
