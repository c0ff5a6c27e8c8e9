"""Checkpoints are whole, safe to open, and of the model that opens them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from resnetbk.errors import UserError
from resnetbk.training.checkpoint import load_weights, save_weights, weights_hash


class Tied(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, width)
        self.head = nn.Linear(width, 5, bias=False)
        self.head.weight = self.embedding.weight


def test_weights_come_back_bit_for_bit_and_stay_tied(tmp_path: Path):
    model, other = Tied(), Tied()
    save_weights(model, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    assert weights_hash(model) == weights_hash(other)
    assert other.head.weight is other.embedding.weight


def test_one_bit_changes_the_hash():
    model = Tied()
    before = weights_hash(model)
    with torch.no_grad():
        model.embedding.weight.view(torch.int32)[0, 0] ^= 1
    assert weights_hash(model) != before


def test_a_missing_a_truncated_and_a_foreign_file_are_refused(tmp_path: Path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(UserError, match="no such checkpoint"):
        load_weights(Tied(), path)
    save_weights(Tied(), path)
    with pytest.raises(UserError, match="not a checkpoint of this model"):
        load_weights(Tied(width=4), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match="not a checkpoint of this model"):
        load_weights(Tied(), path)


def test_a_pickle_is_not_run(tmp_path: Path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    path = tmp_path / "w.safetensors"
    path.write_bytes(pickle.dumps({"weight": Bomb()}))
    with pytest.raises(UserError, match="not a checkpoint"):
        load_weights(Tied(), path)
    assert not (tmp_path / "exploded").exists()
