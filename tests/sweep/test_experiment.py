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
    experiment = Experiment("a-0", [], log)
    assert not experiment.ended()
    outlived.kill()
    outlived.wait()
    assert experiment.ended()
    assert log.read_text() == "", "no second one was begun"


def test_an_experiment_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
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


def test_a_signal_reaches_the_stages_of_this_experiment_and_no_other(tmp_path: Path):
    log = tmp_path / "a.log"
    command = [sys.executable, "-c", STAGE, "stages.train"]
    stages = {
        name: subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"DVC_EXP_NAME": name})
        for name in ("a-0", "a-1")
    }
    try:
        assert all(stage.stdout.readline() == b"ready\n" for stage in stages.values())
        with open(log, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            experiment = Experiment("a-0", [], log)
            experiment.interrupt(15)
            assert stages["a-0"].wait(30) == 7
            experiment.interrupt(15)
        assert stages["a-1"].poll() is None
    finally:
        for stage in stages.values():
            stage.kill()
            stage.wait()
            stage.stdout.close()
