"""Run stages of a worktree as its own dvc.yaml has them, with its own library and nothing of this process's."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections import deque
from pathlib import Path

import yaml

from resnetbk.replay.errors import NotCheckable

OUTER = ("DVC_", "MLFLOW_", "GIT_", "RESNETBK_", "PYTHON", "TORCHELASTIC_")
PROCESS_GROUP = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def run_stage(tree: Path, stage: str, **item: object) -> None:
    """Run one cell of a stage by the `cmd` of the tree's dvc.yaml.

    **Arguments:** `item`: the values of its matrix cell, such as `model="mamba", seed=0`.
    **Raises:** `NotCheckable` when the tree has no such stage, or it fails.
    """
    label = f"{stage}@{'-'.join(str(value) for value in item.values())}"
    run_in(tree, stage_command(tree, stage, **item), label)


def before_training(tree: Path, model: str) -> None:
    """Run what the trainings of one model wait for: its audit, and its tuning where the tree has one.

    **Raises:** `NotCheckable` when a stage fails.
    """
    run_stage(tree, "audit", model=model)
    params = yaml.safe_load((tree / "params.yaml").read_text(encoding="utf-8"))
    for rate in params.get("tune", {}).get("learning_rates", []):
        run_stage(tree, "tune", model=model, learning_rate=rate)


def stage_command(tree: Path, stage: str, **item: object) -> list[str]:
    """Return the command of one cell of a stage, run by this Python.

    **Raises:** `NotCheckable` when the tree has no such stage.
    """
    try:
        command = yaml.safe_load((tree / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]["cmd"]
    except (FileNotFoundError, KeyError, TypeError, yaml.YAMLError):
        raise NotCheckable(f"dvc.yaml of the run's commit has no stage {stage!r}") from None
    words = shlex.split(command)
    for key, value in item.items():
        words = [word.replace(f"${{item.{key}}}", str(value)) for word in words]
    return [sys.executable, *words[1:]] if words[0] == "python" else words


def run_in(tree: Path, command: list[str], label: str) -> None:
    """Run a command in a tree and pass its output on to standard error.

    **Raises:** `NotCheckable` with the last line that it printed when it fails.
    """
    print(f"{label} ...", file=sys.stderr, flush=True)
    process = subprocess.Popen(
        command,
        cwd=tree,
        env=environment(tree),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last: deque[str] = deque(maxlen=3)
    with process:
        try:
            for line in process.stdout:
                if line.strip():
                    last.append(line.strip())
                    print(f"  {line}", end="", file=sys.stderr, flush=True)
        except BaseException:  # Ctrl-C or SIGTERM: the tree is about to be removed
            process.kill()
            raise
    if code := process.returncode:
        raise NotCheckable(f"{label} failed in the run's tree (exit code {code}): {' / '.join(last) or 'no word'}")


def environment(tree: Path) -> dict[str, str]:
    """Return this process's variables without those that steer DVC, MLflow, Python or a group of processes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OUTER) and name not in PROCESS_GROUP
    }
    return kept | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONPATH": str(tree / "src"),
    }
