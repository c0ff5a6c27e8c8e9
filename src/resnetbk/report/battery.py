"""What the battery has measured: nothing in the default run, whose lists in `battery` of params.yaml are empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.report.reading import read_file
from resnetbk.report.shapes.context import ContextCell
from resnetbk.report.shapes.efficiency import EarlyExitCell, QuantiseCell
from resnetbk.report.shapes.shape import Shape
from resnetbk.report.shapes.tasks import TaskCell

S = TypeVar("S", bound=Shape)


@dataclass(frozen=True)
class Battery:
    """`models`: run.models; `tasks` by task and model, the others by model with a cell a seed."""

    models: list[str]
    tasks: dict[str, dict[str, TaskCell]]
    context: dict[str, list[ContextCell]]
    quantise: dict[str, list[QuantiseCell]]
    early_exit: dict[str, list[EarlyExitCell]]


def load_battery(params: Params, *, root: Path) -> Battery:
    """Read the cells that `battery` names, no more and no less.

    **Arguments:** `params`: the run's; `root`: the repository, with metrics/tasks/, metrics/context/,
    metrics/quantise/ and metrics/early_exit/.
    **Returns:** the checked cells.
    **Raises:** `UserError` for one that is missing, left over, broken, or at odds with its fellows.
    """
    asked, seeds, metrics = params.battery, params.run.seeds, root / "metrics"
    _refuse_strangers(metrics / "tasks", (f"{task}-{name}" for task in asked.tasks for name in asked.task_models))
    tasks = {
        task: {name: _read(metrics / "tasks", task, name, TaskCell, "task") for name in asked.task_models}
        for task in asked.tasks
    }
    for task, cells in tasks.items():
        _require_seeds(metrics / "tasks", task, cells, seeds)
        _require_alike(
            metrics / "tasks",
            {f"{task}-{name}": (cell.chance, cell.definition) for name, cell in cells.items()},
            "definition and chance",
        )
    found = {}
    for stage, names, shape in (
        ("context", asked.context_models, ContextCell),
        ("quantise", asked.quantise_models, QuantiseCell),
        ("early_exit", asked.early_exit_models, EarlyExitCell),
    ):
        _refuse_strangers(metrics / stage, (f"{name}-{seed}" for name in names for seed in seeds))
        found[stage] = {
            name: [_read(metrics / stage, name, seed, shape, stage) for seed in seeds] for name in names
        }
    for stage, what, value in (
        ("context", "training_length", lambda cell: cell.training_length),
        ("quantise", "precisions", lambda cell: list(cell.precisions)),
        ("early_exit", "confidences", lambda cell: [row.confidence for row in cell.rows if row.depth is None]),
    ):
        everyone = [cell for cells in found[stage].values() for cell in cells]
        _require_alike(metrics / stage, {f"{cell.model}-{cell.seed}": value(cell) for cell in everyone}, what)
    return Battery(params.run.models, tasks, **found)


def _read(folder: Path, first: str, second: str | int, shape: type[S], stage: str) -> S:
    path = folder / f"{first}-{second}.json"
    cell = read_file(path, shape, stage)
    named = (cell.task, cell.model) if isinstance(cell, TaskCell) else (cell.model, cell.seed)
    if named != (first, second):
        raise UserError(
            f"{path}: holds {named[0]} {named[1]}, not what its name says; make it anew: dvc repro -f {stage}"
        )
    return cell


def _refuse_strangers(folder: Path, names: Iterable[str]) -> None:
    known = {f"{name}.json" for name in names}
    if strangers := sorted(path for path in folder.glob("*.json") if path.name not in known):
        paths = " ".join(map(str, strangers))
        raise UserError(f"{paths}: left by a battery that battery in params.yaml does not name. Run: rm {paths}")


def _require_seeds(folder: Path, task: str, cells: dict[str, TaskCell], seeds: list[int]) -> None:
    for name, cell in cells.items():
        found = [run.seed for run in cell.seeds]
        if found != (seeds if cell.choice else []):
            raise UserError(
                f"{folder / f'{task}-{name}.json'}: seeds: found {found}, run.seeds in params.yaml has {seeds}; "
                "make it anew: dvc repro -f task"
            )


def _require_alike(folder: Path, values: dict[str, object], what: str) -> None:
    """Refuse cells that stand beside each other in a table and were measured by another rule."""
    first = next(iter(values), None)
    for name, value in values.items():
        if value != values[first]:
            raise UserError(
                f"{folder / f'{name}.json'}: {what}: not those of {folder / f'{first}.json'}; "
                "make both anew: dvc repro -f plot"
            )
