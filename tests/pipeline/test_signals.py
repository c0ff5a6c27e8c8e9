"""SIGTERM to `resnetbk reproduce` reaches the trainings, which save; running again goes on from there."""

from __future__ import annotations

import signal
import subprocess
import time

import psutil
import pytest
from tests.pipeline.project import Project


@pytest.mark.nightly
def test_a_stopped_pipeline_has_saved_and_leaves_nobody_behind(done: Project):
    done.set("train.steps", 4000)
    done.set("train.checkpoint_interval", 100_000)  # what is saved is saved upon the signal
    runner = subprocess.Popen(
        ["resnetbk", "reproduce", "--jobs", "2"],
        cwd=done.path,
        env=done.environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    for line in runner.stdout:
        lines.append(line)
        if "step " in line:
            break
    descendants = psutil.Process(runner.pid).children(recursive=True)
    assert any("stages.train" in process.cmdline() for process in descendants), lines
    runner.send_signal(signal.SIGTERM)
    rest, _ = runner.communicate(timeout=120)
    assert runner.returncode == 128 + signal.SIGTERM, rest
    assert "Stopped by SIGTERM" in rest
    time.sleep(0.1)
    assert not [process for process in descendants if process.is_running()]
    assert list(done.path.glob(".resume/train-*/*")), rest
    done.run("rm -rf .resume && git checkout -q . && git clean -qfd && dvc checkout -q -f")
