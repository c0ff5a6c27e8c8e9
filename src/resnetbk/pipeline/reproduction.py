"""Run the pipeline of dvc.yaml with its cells side by side.

`dvc repro` runs one stage after another. Cells do not depend on each other, so here they run as several `dvc
repro` processes at once (each waits for DVC's lock, which is free while a stage works) between a serial start
and a serial end. The hashes are those of plain `dvc repro`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator

from resnetbk.errors import UserError
from resnetbk.params import Params, load_params
from resnetbk.pipeline.checkout import require_repository
from resnetbk.pipeline.children import run_together
from resnetbk.pipeline.lock import tidy_lock
from resnetbk.pipeline.made_on import LOCK, record_machine
from resnetbk.pipeline.recovery import recover

DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")
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
    changed = _changed()
    if not changed:
        record_machine(params.run.determinism)
        print("Data and pipelines are up to date.")
        return
    for stages in to_run(side_by_side(params), changed):
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


def to_run(groups: Iterable[list[tuple[str, ...]]], changed: set[str]) -> Iterator[list[tuple[str, ...]]]:
    """Yield of each group what DVC says has changed; once something has, all that may depend on it.

    A `dvc repro` that finds nothing to do costs two seconds for each cell.
    """
    all_that_follow = False
    for group in groups:
        found = [names for names in group if all_that_follow or changed.intersection(names)]
        all_that_follow = all_that_follow or bool(found)
        yield found


def _changed() -> set[str]:
    """Return the stages that `dvc status` names, those of the benchmarks aside."""
    status = subprocess.run([*DVC, "status", "--json", "dvc.yaml"], stdout=subprocess.PIPE, text=True, check=False)
    if status.returncode:
        raise UserError("`dvc status` failed; the cause stands above")
    return set(json.loads(status.stdout))


def _together(commands: list[list[str]], jobs: int) -> None:
    """Run several dvc commands, `jobs` at a time."""
    called = [[*DVC, *command] for command in commands]
    codes = run_together(called, jobs, show=lambda line: not line.startswith(NOISE), dvc=True)
    failed = [f"dvc {' '.join(command)}" for command, code in zip(commands, codes, strict=True) if code]
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; the cause stands above")
