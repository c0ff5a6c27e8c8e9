"""SIGKILL at chosen points of a training: in a step, in the middle of a file, between rename and cleanup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnetbk.repro.levels import environment

REPOSITORY = Path(__file__).parents[2]
POINTS = (
    "after backward",
    "half of save_file",
    "os.rename .state.safetensors.PID.partial",
    "os.remove .state.safetensors.PID.partial",
    "before validation_loss",
    "half of save_model",
    "os.rename .manifest.json.PID.partial",
    "os.remove .manifest.json.PID.partial",
    "os.remove train-transformer-0.lock",
)


def kill_at(folder: Path, *points: str) -> dict:
    result = subprocess.run(
        [sys.executable, "-m", "tests.training.kill_points", folder, *points],
        cwd=REPOSITORY,
        env={**os.environ, **environment("portable")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_killed_at_a_chosen_point_it_ends_with_the_same_bits(tmp_path: Path):
    result = kill_at(tmp_path, *POINTS)
    assert result["points"] == list(POINTS)
    assert result["faults"] == []
    assert result["control"] == ["before validation_loss: other bits"], "a resume that forgets is found out"


@pytest.mark.nightly
def test_killed_at_every_point_it_ends_with_the_same_bits(tmp_path: Path):
    result = kill_at(tmp_path)
    print(f"{len(result['points'])} points")
    assert len(result["points"]) > 50
    assert result["faults"] == []
