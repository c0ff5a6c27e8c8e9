"""Stages that run are found among real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resnetbk.watch.processes import running_stages

WAIT = "import sys\nprint('on', flush=True)\nsys.stdin.read()\n"


@contextmanager
def stage_in(tree: Path, *arguments: str, copies: int = 1, **variables: str) -> Iterator[None]:
    """Run a stage that waits, in a tree, `copies` times at once."""
    (tree / "stages").mkdir(parents=True, exist_ok=True)
    (tree / "stages" / "train.py").write_text(WAIT)
    command = [sys.executable, "-S", "-m", "stages.train", *arguments]
    started = [
        subprocess.Popen(
            command, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **variables}
        )
        for _ in range(copies)
    ]
    try:
        for process in started:
            process.stdout.readline()
        yield
    finally:
        for process in started:
            process.communicate()


def test_a_stage_is_found_with_its_cell_and_start(tmp_path: Path):
    root = tmp_path.resolve()
    with stage_in(root, "--model", "mamba", "--seed", "0"):
        (found,) = running_stages(root)
    assert found.arguments == ("stages.train", "--model", "mamba", "--seed", "0")
    assert found.tree == root and abs(found.since - time.time()) < 60
    assert not running_stages(root), "it has ended"


def test_a_stage_of_another_repository_is_not_shown(tmp_path: Path):
    root = tmp_path.resolve()
    with stage_in(root / "other"):
        assert not running_stages(root)


def test_an_experiment_in_its_copy_is_shown_with_its_name(tmp_path: Path):
    root = tmp_path.resolve()
    with stage_in(root / ".dvc/tmp/exps/tmp1", DVC_EXP_NAME="wide"):
        (found,) = running_stages(root)
    assert found.experiment == "wide" and found.tree.name == "tmp1"


def test_processes_that_share_a_cell_count_once(tmp_path: Path):
    root = tmp_path.resolve()
    with stage_in(root, copies=2):
        assert len(running_stages(root)) == 1
