"""A training by 1, 2, 3 or 4 processes ends with the same bits and the same history, or with one clear error."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from tests.training.parallel_training import (
    disagree,
    diverge,
    make_corpus,
    stop_for_all,
    sum_gradients,
    train_and_lose,
    train_one,
)
from tests.training.several_processes import Processes

from resnetbk.errors import UserError
from resnetbk.training.world import World

PLAIN = ("step", "tokens", "loss", "learning_rate", "gradient_norm", "validation_loss")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("world") / "corpus")


@pytest.fixture(scope="module")
def alone(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("alone")
    return Processes(1, folder / "out", train_one, "resnet_bk", corpus, folder / "state").results()[0]


def without_measures(alone: dict) -> dict:
    """Return what the other processes know: the first alone looks on."""
    plain = [{name: row[name] for name in row if name in PLAIN} for row in alone["history"]]
    return {"weights": alone["weights"], "history": plain}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_several_processes_give_the_bits_of_one(corpus: Path, alone: dict, tmp_path: Path, size: int):
    """The model has tied weights, and experts that some parts leave without a token."""
    results = Processes(size, tmp_path / "out", train_one, "resnet_bk", corpus, tmp_path / "state").results()
    assert results[0] == alone
    assert results[1:] == [without_measures(alone)] * (size - 1)


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.nightly)])
def test_another_family_does_too(corpus: Path, tmp_path: Path, size: int):
    several = Processes(size, tmp_path / "several", train_one, "mamba", corpus, tmp_path / "state")
    one = Processes(1, tmp_path / "one", train_one, "mamba", corpus, tmp_path / "state of one")
    (alone,) = one.results()
    assert several.results() == [alone] + [without_measures(alone)] * (size - 1)


def test_another_order_of_additions_does_not(corpus: Path, alone: dict, tmp_path: Path):
    """The control: what `all_reduce` gives."""
    arguments = (train_one, "resnet_bk", corpus, tmp_path / "state", "all_reduce")
    first, *others = Processes(2, tmp_path / "out", *arguments).results()
    assert others == [without_measures(first)]
    assert first["weights"] != alone["weights"]
    losses = [[row["loss"] for row in result["history"] if "loss" in row] for result in (first, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_sum_is_that_of_backward(tmp_path: Path, size: int):
    one = Processes(1, tmp_path / "one", sum_gradients, 0).results()[0]
    assert Processes(size, tmp_path / "several", sum_gradients, 0).results() == [one] * size
    assert one[-1] is None
    assert one[3] == "00000080" * 3


@pytest.mark.parametrize("size", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_a_killed_process_ends_the_others_and_any_number_goes_on(
    corpus: Path, alone: dict, tmp_path: Path, size: int
):
    start = time.monotonic()
    lost = Processes(3, tmp_path / "lost", train_and_lose, corpus, tmp_path / "state", signal.SIGKILL, 300)
    assert lost.join(100) == [1, -signal.SIGKILL, 1]
    assert time.monotonic() - start < 100  # and not the 300 s that they would give one that is silent
    check_error(lost.errors())
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["state.safetensors"]
    again = Processes(size, tmp_path / "again", train_one, "resnet_bk", corpus, tmp_path / "state")
    first, *others = again.results()
    assert first == alone
    assert [other["weights"] for other in others] == [alone["weights"]] * (size - 1)


@pytest.mark.nightly
def test_a_process_that_stands_still_ends_the_others(corpus: Path, tmp_path: Path):
    lost = Processes(3, tmp_path / "lost", train_and_lose, corpus, tmp_path / "state", signal.SIGSTOP, 15)
    try:
        for rank in (0, 2):
            lost.processes[rank].join(100)
        assert [process.exitcode for process in lost.processes] == [1, None, 1]
    finally:
        lost.processes[1].kill()
    check_error(lost.errors())


def check_error(said: str) -> None:
    assert said.count("ERROR: ") == 1, said
    assert "process 1 has" in said
    assert "of the 3 that train together. The saved state is whole: run again" in said


def test_a_value_that_is_not_finite_in_one_process_is_the_same_error_in_all(corpus: Path, tmp_path: Path):
    messages = {size: Processes(size, tmp_path / str(size), diverge, corpus).results() for size in (1, 2, 3)}
    assert "'embedding'" in messages[1][0]
    for size, said in messages.items():
        assert said == messages[1] * size


def test_processes_that_disagree_are_named_once(tmp_path: Path):
    processes = Processes(3, tmp_path / "out", disagree)
    assert processes.join(60) == [1, 1, 1]
    said = processes.errors()
    assert said.count("ERROR: ") == 1
    assert "the hash of the weights is not the same in all 3 processes: that of process 2 is not" in said


def test_a_signal_to_one_stops_all_after_the_same_step(tmp_path: Path):
    assert Processes(3, tmp_path / "out", stop_for_all).results() == [[False, True]] * 3


def test_several_machines_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(UserError, match="must be on one machine"):
        World.from_environment()
