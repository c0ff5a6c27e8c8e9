"""A resume state that is not, to the bit, what this cell saved is set aside, and training starts anew."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from resnetbk.errors import UserError
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.resume import ResumeState

PROGRESS = {"step": 7, "history": [{"step": 7, "loss": 1e-05}]}


def make(seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return a model and its optimiser after one step."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Linear(4, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    model(torch.ones(2, 4)).square().sum().backward()
    optimiser.step()
    return model, optimiser


@pytest.fixture
def saved(tmp_path: Path) -> ResumeState:
    resume = ResumeState(tmp_path / "train-mamba-0-abc")
    resume.save(*make(), PROGRESS)
    return resume


def test_it_comes_back_bit_for_bit(saved: ResumeState):
    model, optimiser = make(seed=1)
    assert saved.load(model, optimiser) == PROGRESS
    expected, moments = make()
    assert weights_hash(model) == weights_hash(expected)
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        for key, value in moments.state[theirs].items():
            assert torch.equal(optimiser.state[ours][key], value)


def test_any_flipped_bit_is_found_and_nothing_is_restored(saved: ResumeState, capsys: pytest.CaptureFixture):
    whole, seed = saved.file.read_bytes(), time.time_ns()
    print(f"seed {seed}")
    model, optimiser = make(seed=1)
    before = weights_hash(model)
    header = 8 + int.from_bytes(whole[:8], "little")
    draw = random.Random(seed)
    places = [draw.randrange(8 * header) for _ in range(300)] + [
        draw.randrange(8 * len(whole)) for _ in range(300)
    ]
    capsys.readouterr()
    for place in places:
        broken = bytearray(whole)
        broken[place // 8] ^= 1 << place % 8
        saved.file.write_bytes(broken)
        assert saved.load(model, optimiser) is None, f"bit {place}"
        assert not saved.file.exists() and saved.file.with_suffix(".damaged").read_bytes() == broken
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and f"WARNING: {saved.file}: damaged" in said and "step 0" in said
    assert weights_hash(model) == before
    saved.file.write_bytes(whole)
    assert saved.load(model, optimiser) == PROGRESS, "the control"


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_truncated_file(saved: ResumeState, length: int):
    saved.file.write_bytes(saved.file.read_bytes()[:length])
    assert saved.load(*make()) is None


def test_a_state_that_was_moved_here_from_another_cell(saved: ResumeState, tmp_path: Path):
    other = ResumeState(tmp_path / "train-mamba-0-def")
    other.directory.mkdir()
    saved.file.rename(other.file)
    assert other.load(*make()) is None
    other.file.with_suffix(".damaged").rename(saved.file)
    assert saved.load(*make()) == PROGRESS, "the control: where it was made it is taken"


def test_a_file_that_cannot_be_read_is_not_called_damaged(saved: ResumeState):
    saved.file.unlink()
    saved.file.mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        saved.load(*make())


def test_there_may_be_none(tmp_path: Path):
    assert ResumeState(tmp_path).load(*make()) is None
