"""What people see: every number is one that was recorded."""

from __future__ import annotations

import io
from collections import deque

import pytest
from rich.console import Console

from resnetbk.watch.snapshot import Cell, Tree
from resnetbk.watch.trainings import Training
from resnetbk.watch.view import draw, duration


def training(step: int, pace: float, *, steps: int = 100) -> Training:
    begin = {"stage": "train", "cell": "mamba-0", "model": "mamba", "steps": steps, "tokens_per_step": 50}
    points = deque([(0.0, 0), (step * pace, step)])
    return Training(begin | {"from_step": 0}, points, loss=4.25, validation_loss=4.5)


def text(*trees: Tree, now: float = 40.0, width: int = 100, bars: bool = False, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=terminal)
    console.print(draw(list(trees), now, bars=bars))
    return console.file.getvalue()


RUNNING = Cell("train@mamba-0", "running", since=-20.0, training=training(20, 2.0))


def test_a_running_training_shows_step_loss_pace_and_time_left():
    shown = text(Tree("this repository", (Cell("prepare", "done"), RUNNING)))
    assert "this repository: 1 done, 1 running, 0 waiting" in shown
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("train@mamba-0")]
    assert row == ["train@mamba-0", "20/100", "4.2500", "4.5000", "25", "1:00", "2:40"]
    assert "trainings: 2:40 left" in shown


def test_what_is_not_recorded_is_not_shown():
    fresh = Cell("train@mamba-0", "running", since=0.0)
    shown = text(Tree("this repository", (fresh,)))
    assert [line.split() for line in shown.splitlines() if line.startswith("train@mamba-0")] == [
        ["train@mamba-0", "0:40"]
    ]
    assert "time left not known yet" in shown


def test_cells_that_wait_take_the_recorded_pace_shared_by_those_that_run():
    waiting = (Cell("train@mamba-1", "waiting", expected=200.0), Cell("evaluate@mamba-0", "waiting"))
    assert Tree("", (RUNNING, *waiting)).trainings_left(40.0) == 360
    assert Tree("", (RUNNING, RUNNING, *waiting)).trainings_left(40.0) == 260
    unknown = Cell("train@gpt2-0", "waiting")
    assert Tree("", (RUNNING, *waiting, unknown)).trainings_left(40.0) is None, "no record of its pace"


def test_losses_of_what_is_done_and_names_of_what_waits():
    cells = [Cell("train@a-0", "done", result=3.14159), *(Cell(f"train@b-{n}", "waiting") for n in range(6))]
    shown = text(Tree("this repository", tuple(cells)))
    assert "1/7" in shown and "validation loss: a-0 3.142; waiting: b-0, b-1, b-2, b-3, 2 more" in shown
    assert "no stage is running just now" in shown


def test_plain_text_has_no_escapes_and_a_terminal_gets_bars():
    tree = Tree("this repository", (RUNNING,))
    assert "\x1b" not in text(tree) and "━" not in text(tree)
    assert "━" in text(tree, bars=True, terminal=True)


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")])
def test_durations(seconds: float, words: str):
    assert duration(seconds) == words
