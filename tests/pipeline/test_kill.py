"""SIGKILL in the middle of the pipeline, run again, and the bits are those of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.pipeline.project import Project, copy_repository

pytestmark = pytest.mark.xdist_group("kill")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose training takes some seconds, run once."""
    project = copy_repository(tmp_path_factory.mktemp("kill"))
    project.run(
        "sed -i 's/^  steps: 8/  steps: 150/; s/checkpoint_interval: 3/checkpoint_interval: 5/' params.yaml"
    )
    project.run("dvc repro train@mamba-0")
    return project


def kill_after(project: Project, seconds: float) -> bool:
    """Start the training anew without DVC's run cache, kill it and all that it started; say if it was in time."""
    environment = os.environ | {"PATH": f"{project.path}/.venv/bin:{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["dvc", "repro", "-f", "--no-run-cache", "-s", "train@mamba-0"],
        cwd=project.path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    in_time = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return in_time


def resumed(project: Project) -> bool:
    return any(Path(project.path).glob(".resume/train-mamba-0-*/state.safetensors"))


def test_killed_at_random_times_it_ends_with_the_same_bits(audited: Project):
    before = audited.read("dvc.lock")
    draw, went_on = random.Random(time.time_ns()), 0
    for _ in range(4):
        assert kill_after(audited, draw.uniform(1.0, 9.0))
        went_on += resumed(audited)
        partial = [path for path in audited.path.glob("models/mamba-0/*") if not path.name.startswith(".")]
        assert not partial or {path.name for path in partial} <= {"weights.safetensors", "manifest.json"}
    assert kill_after(audited, 9.0) or resumed(audited)
    audited.run("dvc repro -f --no-run-cache -s train@mamba-0")
    assert audited.read("dvc.lock") == before
    assert not resumed(audited), "the state of a finished training is removed"


def test_the_control_a_changed_state_changes_the_bits(audited: Project):
    """A state that is really picked up must matter: one made by other numbers leads to other weights."""
    before = audited.read("dvc.lock")
    for _ in range(20):
        assert kill_after(audited, 9.0)
        if resumed(audited):
            break
    falsify = (
        "import glob; from safetensors import safe_open; from safetensors.torch import load_file, save_file\n"
        "path = glob.glob('.resume/train-mamba-0-*/state.safetensors')[0]\n"
        "with safe_open(path, 'pt') as file: metadata = file.metadata()\n"
        "tensors = load_file(path)\n"
        "for name in tensors:\n"
        "    if name.startswith('model.'): tensors[name] *= 1.01\n"
        "save_file(tensors, path, metadata)\n"
    )
    audited.run(f'python -c "{falsify}"')
    audited.run("dvc repro -f --no-run-cache -s train@mamba-0")
    assert audited.read("dvc.lock") != before
