"""The pipeline with several processes a cell: the same dvc.lock, and nothing lost with one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from tests.pipeline.project import Project, copy_repository

pytestmark = pytest.mark.nightly

TRAIN = ("python", "-m", "stages.train", "--model", "resnet_bk", "--seed", "0")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose steps have three parts, trained once by one process."""
    project = copy_repository(tmp_path_factory.mktemp("world-size"))
    project.set("train.accumulation", 3)
    project.set("train.steps", 200)
    project.set("train.checkpoint_interval", 5)
    project.run("resnetbk plan register && dvc repro train@resnet_bk-0")
    project.run("git add -A && git commit -qm 'Run'")
    return project


def outs(project: Project) -> dict[str, bytes]:
    folder = project.path / "models/resnet_bk-0"
    files = [*folder.iterdir(), project.path / "metrics/train/resnet_bk-0.jsonl"]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.parametrize("processes", [2, 3])
def test_dvc_lock_is_the_same(trained: Project, processes: int):
    trained.run("dvc repro --force --no-run-cache -s train@resnet_bk-0", RESNETBK_PROCESSES=str(processes))
    trained.run("git diff --exit-code dvc.lock")
    records = list((trained.path / ".resnetbk/spool").glob("train-*.json"))
    assert f'"processes": {processes}' in records[0].read_text()


def test_torchrun_starts_the_stage_as_it_is(trained: Project):
    expected = outs(trained)
    trained.run("rm -r models/resnet_bk-0 metrics/train/resnet_bk-0.jsonl")
    trained.run("torchrun --standalone --nproc-per-node 2 -m " + " ".join(TRAIN[2:]))
    assert outs(trained) == expected


@pytest.mark.parametrize("lost", ["a process", "the launcher"])
def test_what_is_lost_is_taken_up_again(trained: Project, lost: str):
    expected = outs(trained)
    environment = trained.environment() | {"RESNETBK_PROCESSES": "2"}
    with subprocess.Popen(TRAIN, cwd=trained.path, env=environment, stderr=subprocess.PIPE, text=True) as launcher:
        while not list((trained.path / ".resume").glob("train-*/state.safetensors")):
            assert launcher.poll() is None, launcher.stderr.read()
            time.sleep(0.05)
        workers = [child for child in psutil.Process(launcher.pid).children() if "RANK" in child.environ()]
        victim = workers[1].pid if lost == "a process" else launcher.pid
        os.kill(victim, signal.SIGKILL)
        psutil.wait_procs(workers, timeout=60)
        assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
        said = launcher.stderr.read()
    assert said.count("ERROR in") == (lost == "a process"), said
    trained.run(" ".join(TRAIN), RESNETBK_PROCESSES="3")
    assert outs(trained) == expected
    assert not list(Path(trained.path, ".resume").glob("train-*/state.safetensors"))


def test_more_processes_than_parts_are_refused_before_anything_runs(trained: Project):
    for command in (" ".join(TRAIN), "resnetbk reproduce --processes 4"):
        result = trained.run(command, check=False, RESNETBK_PROCESSES="4")
        assert result.returncode == 1
        assert "train.accumulation is 3, too few for 4 processes" in result.stdout
        assert result.stdout.count("ERROR") == 1
