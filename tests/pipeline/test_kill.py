"""SIGKILL in the middle of the pipeline, run again, and the bits are those of an undisturbed run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import pytest
from tests.pipeline.project import Project, copy_repository


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose training takes some seconds, run once."""
    project = copy_repository(tmp_path_factory.mktemp("kill"))
    project.set("train.steps", 300)
    project.set("train.checkpoint_interval", 5)
    project.run("dvc repro train@mamba-0")
    return project


def start(project: Project) -> subprocess.Popen:
    """Start the training anew, without DVC's run cache, in a process group of its own."""
    return subprocess.Popen(
        ["dvc", "repro", "-f", "--no-run-cache", "-s", "train@mamba-0"],
        cwd=project.path,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen) -> None:
    """Send SIGKILL to a process and to all that it started."""
    assert process.poll() is None, "it had finished before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def resumable(project: Project) -> bool:
    return any(project.path.glob(".resume/train-mamba-0-*/state.safetensors"))


def kill_when_resumable(project: Project) -> None:
    process = start(project)
    while not resumable(project):
        time.sleep(0.05)
    kill(process)


def test_killed_at_random_times_it_ends_with_the_same_bits(trained: Project):
    before = trained.read("dvc.lock")
    draw = random.Random(time.time_ns())
    kill_when_resumable(trained)
    for _ in range(4):
        process = start(trained)
        time.sleep(draw.uniform(0.5, 6.0))
        if process.poll() is None:
            kill(process)
    trained.run("dvc repro -f --no-run-cache -s train@mamba-0")
    assert trained.read("dvc.lock") == before
    assert not resumable(trained), "the state of a finished training is removed"
    assert not list(trained.path.glob("m*/**/.*.partial"))


def test_the_control_a_changed_state_changes_the_bits(trained: Project):
    """A state that is really picked up must matter: one made by other numbers leads to other weights."""
    before = trained.read("dvc.lock")
    kill_when_resumable(trained)
    falsify = (
        "import glob; from safetensors import safe_open; from safetensors.torch import load_file, save_file\n"
        "path = glob.glob('.resume/train-mamba-0-*/state.safetensors')[0]\n"
        "with safe_open(path, 'pt') as file: metadata = file.metadata()\n"
        "tensors = load_file(path)\n"
        "for name in tensors:\n"
        "    if name.startswith('model.'): tensors[name] *= 1.01\n"
        "save_file(tensors, path, metadata)\n"
    )
    trained.run(f'python -c "{falsify}"')
    trained.run("dvc repro -f --no-run-cache -s train@mamba-0")
    assert trained.read("dvc.lock") != before
