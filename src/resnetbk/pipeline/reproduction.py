"""Run the pipeline of dvc.yaml with its cells side by side.

`dvc repro` runs one stage after another. Cells do not depend on each other, so here they run as several `dvc
repro` processes at once (each waits for DVC's lock, which is free while a stage works) between a serial start
and a serial end. The hashes are those of plain `dvc repro`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from resnetbk.errors import UserError
from resnetbk.params import Params, load_params
from resnetbk.pipeline.checkout import require_repository
from resnetbk.pipeline.children import run_together
from resnetbk.pipeline.lock import tidy_lock
from resnetbk.pipeline.made_on import LOCK, record_machine
from resnetbk.pipeline.recovery import recover

NOISE = ("Use `dvc push`", "To track the changes", "\tgit add", "Updating lock file", "Generating lock file")


def reproduce(jobs: int) -> None:
    """Bring everything in dvc.yaml up to date, `jobs` cells at a time.

    **Raises:** `UserError` naming what failed; `SystemExit` after SIGTERM or Ctrl-C, which the trainings get too,
    so that they save first. Finished cells are kept either way.
    """
    start = time.monotonic()
    require_repository()
    recover()
    params = load_params()
    if _dvc("status", "--quiet", check=False) == 0:
        record_machine(params.run.determinism)
        print("Data and pipelines are up to date.")
        return
    for stages in side_by_side(params):
        _together([["repro", "-s", *names] for names in stages], jobs)
    _together([["repro"]], 1)
    tidy_lock(LOCK)
    record_machine(params.run.determinism)
    print(f"Everything is up to date after {time.monotonic() - start:.0f} s. Open report/index.html")


def side_by_side(params: Params) -> Iterator[list[tuple[str, ...]]]:
    """Yield groups of what can run side by side: tuples of stages that follow each other."""
    run, battery = params.run, params.battery
    yield [("prepare",)]
    yield [*((f"audit@{model}",) for model in run.models), ("baselines",), ("out_of_domain",)]
    yield [(f"tune@{model}-{rate}",) for rate in params.tune.learning_rates for model in run.models]
    asked = {
        "context": battery.context_models,
        "quantise": battery.quantise_models,
        "early_exit": battery.early_exit_models,
    }
    tasks = [(f"task@{task}-{model}",) for task in battery.tasks for model in battery.task_models]
    yield tasks + [
        tuple(
            f"{stage}@{model}-{seed}"
            for stage in ("train", "evaluate", *(name for name, models in asked.items() if model in models))
        )
        for seed in run.seeds
        for model in run.models
    ]


def _dvc(*arguments: str, check: bool = True) -> int:
    return subprocess.run([sys.executable, "-m", "dvc", *arguments], check=check).returncode


def _together(commands: list[list[str]], jobs: int) -> None:
    """Run several dvc commands, `jobs` at a time."""
    dvc = [sys.executable, "-m", "dvc", "--wait-for-lock"]
    called = [[*dvc, *command] for command in commands]
    codes = run_together(called, jobs, show=lambda line: not line.startswith(NOISE), dvc=True)
    failed = [f"dvc {' '.join(command)}" for command, code in zip(commands, codes, strict=True) if code]
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; the cause stands above")
