"""A trial's process: begun once, found again, told to stop, and asked why it failed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resnetbk.sweep.experiment import Experiment

STAGE = "import signal, time; signal.signal(15, lambda *_: exit(7)); print('ready', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder that is a repository for us and none for DVC, which could run nothing there."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").touch()
    return tmp_path.resolve()


def begin_stage(tree: Path, experiment: str) -> subprocess.Popen:
    (tree / "stages").mkdir(parents=True)
    (tree / "stages/train.py").write_text(STAGE)
    command = [sys.executable, "-m", "stages.train"]
    return subprocess.Popen(
        command, cwd=tree, stdout=subprocess.PIPE, env=os.environ | {"DVC_EXP_NAME": experiment}
    )


def wait_for(condition, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_experiment_that_outlived_its_sweep_is_waited_for_and_not_begun_twice(tmp_path: Path):
    log = tmp_path / "a.log"
    with open(log, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        outlived = subprocess.Popen(["sleep", "60"], stdout=file)
    try:
        experiment = Experiment("a-0", [], log)
        assert not experiment.ended()
    finally:
        outlived.kill()
        outlived.wait()
    assert experiment.ended()
    assert log.read_text() == "", "no second one was begun"


def test_an_experiment_that_fails_says_why(tmp_path: Path):
    experiment = Experiment("a-0", ["train.steps=3"], tmp_path / "logs/a.log")
    wait_for(experiment.ended)
    assert "not inside of a DVC repository" in experiment.error()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["ERROR in train@a-0: loss is nan", "ERROR: failed to reproduce"], "ERROR in train@a-0: loss is nan"),
        (["ERROR: Invalid `--set-param` value"], "ERROR: Invalid `--set-param` value"),
        (["Killed"], "without a word"),
    ],
)
def test_the_reason_is_the_stages_own_where_it_gave_one(tmp_path: Path, lines: list[str], said: str):
    log = tmp_path / "a.log"
    log.write_text("\n".join(lines))
    with open(log, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # so that nothing is begun
        assert said in Experiment("a-0", [], log).error()


def test_a_signal_reaches_the_stages_of_this_experiment_and_no_other(repository: Path):
    log = repository / "a.log"
    copies = repository / ".dvc/tmp/exps/standalone"
    places = ((copies / "0", "a-0"), (copies / "1", "a-1"), (repository / "another", "a-0"))
    stages = [begin_stage(tree, experiment) for tree, experiment in places]
    try:
        assert all(stage.stdout.readline() == b"ready\n" for stage in stages)
        with open(log, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            experiment = Experiment("a-0", [], log)
            experiment.interrupt(15)
            told, *others = stages
            assert told.wait(30) == 7
            experiment.interrupt(15)
        assert all(stage.poll() is None for stage in others)
    finally:
        for stage in stages:
            stage.kill()
            stage.wait()
            stage.stdout.close()
