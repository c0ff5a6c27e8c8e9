"""SIGKILL in the middle of the pipeline, run again, and the bits are those of an undisturbed run."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from tests.pipeline.kills import Running, kill, kill_until_done, seconds_of
from tests.pipeline.project import Project, copy_repository

KILLS = 100  # of the nightly test, at least
ANEW = ("dvc", "repro", "-f", "--no-run-cache", "-s")  # from the start, and not out of DVC's run cache


@pytest.fixture(scope="module")
def trained(done: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose training takes some seconds, run once."""
    project = done.copied(tmp_path_factory.mktemp("kill") / "project")
    project.set("train.steps", 300)
    project.set("train.checkpoint_interval", 5)
    project.run("dvc repro train@mamba-0")
    return project


def resumable(project: Project) -> bool:
    return any(project.path.glob(".resume/train-mamba-0-*/state.safetensors"))


def start_and_wait(project: Project) -> Running:
    """Start the training anew and wait until it has saved its first state."""
    running = Running(project, *ANEW, "train@mamba-0")
    while not resumable(project):
        assert running.process.poll() is None, running.output()
        time.sleep(0.05)
    return running


def test_killed_at_random_times_it_ends_with_the_same_bits(trained: Project):
    before = trained.read("dvc.lock")
    seed = time.time_ns()
    print(f"seed {seed}")
    draw = random.Random(seed)
    kill(start_and_wait(trained))
    for _ in range(3):
        running = Running(trained, *ANEW, "train@mamba-0")
        if not running.finish(draw.uniform(0.5, 6.0)):
            kill(running)
    trained.run(" ".join([*ANEW, "train@mamba-0"]))
    assert trained.read("dvc.lock") == before
    assert not resumable(trained), "the state of a finished training is removed"
    assert not list(trained.path.glob("m*/**/.*.partial"))


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.nightly)])
def test_ctrl_c_under_dvc_saves_and_the_next_run_goes_on(trained: Project, number: int):
    """A terminal sends Ctrl-C to DVC and the stage alike; DVC waits for the stage, and SIGTERM ends DVC itself."""
    before = trained.read("dvc.lock")
    running = start_and_wait(trained)
    running.signal(number)
    said = running.output()  # to the end of the stage, which holds the pipe
    assert "mamba-0: saved at step " in said and "; run again to go on" in said
    assert "Traceback" not in said
    assert running.process.returncode != 0
    assert resumable(trained)
    trained.run(" ".join([*ANEW, "train@mamba-0"]))
    assert trained.read("dvc.lock") == before


@pytest.mark.nightly
def test_the_control_a_changed_state_changes_the_bits(trained: Project):
    """A state that is really picked up must matter: one made by other numbers leads to other weights."""
    before = trained.read("dvc.lock")
    kill(start_and_wait(trained))
    falsify = (
        "import glob, json; from pathlib import Path; from safetensors import safe_open\n"
        "from safetensors.torch import load_file, save_file\n"
        "from resnetbk.training.resume import ResumeState\n"
        "path = Path(glob.glob('.resume/train-mamba-0-*/state.safetensors')[0])\n"
        "with safe_open(path, 'pt') as file: metadata = file.metadata()\n"
        "tensors = load_file(path)\n"
        "for name in tensors:\n"
        "    if name.startswith('model.'): tensors[name] *= 1.01\n"
        "metadata['sha256'] = ResumeState(path.parent)._digest(tensors, metadata['progress'])\n"
        "save_file(tensors, path, metadata)\n"
    )
    trained.run(f'PYTHONPATH=src python -c "{falsify}"')
    trained.run(" ".join([*ANEW, "train@mamba-0"]))
    assert trained.read("dvc.lock") != before


@pytest.mark.nightly
def test_a_hundred_kills_anywhere_in_the_pipeline(tmp_path: Path):
    """Training, evaluation, comparison, report and MLflow from its first table on, killed until they are done."""
    start, work = tmp_path / "start", tmp_path / "work"
    start.mkdir()
    project = copy_repository(start)
    project.set("train.steps", 100)
    project.run("dvc repro prepare audit@resnet_bk audit@mamba baselines")
    work = Project(Path(shutil.copytree(start, tmp_path / "work", symlinks=True)))
    command = ("resnetbk", "reproduce", "--jobs", "2")
    longest = seconds_of(work, *command) / 8  # of its steps, one after another: it takes several kills to be done
    undisturbed, shown = work.read("dvc.lock"), finished_runs(work)
    seed = time.time_ns()
    print(f"seed {seed}; kills between 0 and {longest:.1f} s after a start", flush=True)
    draw, kills, rounds = random.Random(seed), 0, 0
    while kills < KILLS:
        shutil.rmtree(work.path)
        shutil.copytree(start, work.path, symlinks=True)
        kills += len(kill_until_done(work, draw, longest, *command))
        rounds += 1
        assert work.read("dvc.lock") == undisturbed
        assert finished_runs(work) == shown
        assert not list(work.path.glob(".resume/train-*")) and not list(work.path.glob("[mpr]*/**/.*.partial"))
        print(f"{kills} kills in {rounds} rounds, the same bits each time", flush=True)


def finished_runs(project: Project) -> list[str]:
    """Return the names of MLflow's runs; one that is neither finished nor deleted is a fault."""
    with sqlite3.connect(project.path / "mlflow.db") as database:
        runs = database.execute("select name, status, lifecycle_stage from runs").fetchall()
    assert all(status == "FINISHED" or stage == "deleted" for _, status, stage in runs), runs
    return sorted(name for name, _, stage in runs if stage == "active")
