"""How far a training is, from journals whose times are known."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from resnetbk.training.journal import journal_folder
from resnetbk.watch.trainings import Trainings


class Clockwork:
    """Writes a journal as a training does, at times of one's choice."""

    def __init__(self, root: Path, name: str = "train-mamba-0-0a1b2c3d", **facts: object) -> None:
        self.path = journal_folder(root) / f"{name}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        begin = {"kind": "begin", "time": 100.0, "stage": "train", "cell": "mamba-0", "model": "mamba", "seed": 0}
        begin |= {"steps": 50, "tokens_per_step": 64, "from_step": 0, "pid": os.getpid()}
        self.write(begin | facts)

    def write(self, record: dict, *, end: str = "\n") -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + end)

    def points(self, seconds: float, step: int, **metrics: float) -> None:
        named = {name.replace("_", "/"): value for name, value in metrics.items()}
        self.write({"kind": "points", "time": seconds, "step": step, "tokens": step * 64, "metrics": named})


def test_progress_loss_and_time_left(tmp_path: Path):
    journal, trainings = Clockwork(tmp_path), Trainings(tmp_path)
    (training,) = trainings.look()
    assert (training.stage, training.step, training.seconds_left(100)) == ("train@mamba-0", 0, None)
    journal.points(120, 10, train_loss=5.0)
    (training,) = trainings.look()
    assert (training.step, training.loss, training.seconds_left(120)) == (10, 5.0, None), "one point has no pace"
    journal.points(130, 20, train_loss=4.0, validation_loss=4.5)
    (training,) = trainings.look()
    assert (training.loss, training.validation_loss, training.tokens_per_second) == (4.0, 4.5, 64.0)
    assert [training.seconds_left(now) for now in (130, 135, 900)] == [30, 25, 0]


def test_the_pace_is_the_recent_one(tmp_path: Path):
    journal = Clockwork(tmp_path, steps=1000)
    journal.points(200, 1)  # a hundred seconds of compiling
    for step in range(2, 60):
        journal.points(200 + step, step)
    (training,) = Trainings(tmp_path).look()
    assert training.seconds_per_step == 1


def test_a_line_that_is_being_written_is_read_when_it_is_whole(tmp_path: Path):
    journal, trainings = Clockwork(tmp_path), Trainings(tmp_path)
    point = {"kind": "points", "time": 110.0, "step": 7, "tokens": 1, "metrics": {"train/loss": 3.0}}
    journal.write(point, end="")
    assert trainings.look()[0].step == 0
    with journal.path.open("a", encoding="utf-8") as file:
        file.write("\n")
    assert trainings.look()[0].step == 7


def test_a_training_that_goes_on_starts_where_it_was(tmp_path: Path):
    Clockwork(tmp_path, from_step=24)
    assert Trainings(tmp_path).look()[0].step == 24


def test_a_journal_that_is_removed_is_forgotten(tmp_path: Path):
    journal, trainings = Clockwork(tmp_path), Trainings(tmp_path)
    assert trainings.look()
    journal.path.unlink()
    assert not trainings.look()


def test_a_journal_without_its_beginning_is_passed_over(tmp_path: Path):
    journal = Clockwork(tmp_path)
    journal.path.write_text(json.dumps({"kind": "end", "time": 1.0, "step": 1, "outcome": "finished"}) + "\n")
    assert not Trainings(tmp_path).look()


@pytest.mark.parametrize("alive", [True, False])
def test_its_tree_is_where_its_process_runs(tmp_path: Path, alive: bool):
    gone = 2**22 + 1  # above the largest process number of Linux
    Clockwork(tmp_path, pid=os.getpid() if alive else gone, time=time.time())
    assert Trainings(tmp_path).look()[0].tree() == (Path.cwd() if alive else None)
