"""What models reach on one task."""

from __future__ import annotations

from statistics import fmean

import pandas as pd

from resnetbk.report.battery import Battery
from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.tasks import TaskCell, TaskRun
from resnetbk.report.tables.table import Cell, Row, Table, mean_and_range, model_rows


def task_table(battery: Battery, task: str) -> Table:
    """A row a model: accuracy at each length, mean over seeds with the lowest and highest."""
    cells = battery.tasks[task]
    first = next(iter(cells.values()))
    lengths = sorted({test.length for cell in cells.values() for run in cell.seeds for test in run.tests})
    definition = ", ".join(f"{key.replace('_', ' ')} {_plain(value)}" for key, value in first.definition.items())
    return Table(
        f"{task}: share of right answers, in per cent; chance is {_share(first.chance)}. Mean over seeds; "
        f"beneath it the lowest and highest. {definition}.",
        [
            "Model",
            *(f"at {fixed(length, 0)}" for length in lengths),
            "Diverged seeds",
            "Parameters",
            "State, bytes",
            "Learning rate",
            "Weight decay",
        ],
        model_rows(
            battery.models,
            {name: _cells(cell, lengths) for name, cell in cells.items()},
            {name: _origin(task, name, "seeds") for name in cells},
        ),
        said=_origin(task, first.model, "definition"),
    )


def distance_table(frame: pd.DataFrame, task: str, models: list[str]) -> Table:
    """Accuracy at the training length by how far back the answer stands.

    **Arguments:** `frame`: columns model, distance, mean, lowest, highest.
    """
    rows = [
        Row(
            Cell(fixed(distance, 0), _origin(task, models[0], "seeds")),
            [Cell(_of(found[found.model == model]), _origin(task, model, "seeds")) for model in models],
        )
        for distance, found in frame.groupby("distance")
    ]
    return Table(
        f"{task}, at the length of training: share of right answers, in per cent, by the distance to what is "
        "asked for.",
        ["From distance", *models],
        rows,
    )


def _origin(task: str, model: str, key: str) -> Origin:
    return Origin(("task", task, model), key)


def _cells(cell: TaskCell, lengths: list[int]) -> list[str]:
    tests = [test for run in cell.seeds for test in run.tests]
    found = [[test.accuracy for test in tests if test.length == length] for length in lengths]
    states = [test.state_bytes for test in tests if test.length == lengths[0]]
    choice = cell.choice
    edge = "" if choice is None or not choice.at_edge else "\nat the edge"
    return [
        *(_shares(values) for values in found),
        "every trial" if choice is None else _diverged(cell.seeds),
        fixed(cell.parameters["total"], 0),
        fixed(states[0], 0) if states else NOTHING,
        NOTHING if choice is None else f"{choice.learning_rate:g}{edge}",
        NOTHING if choice is None else f"{choice.weight_decay:g}",
    ]


def _diverged(runs: list[TaskRun]) -> str:
    return f"{sum(run.diverged_at is not None for run in runs)} of {len(runs)}"


def _shares(values: list[float]) -> str:
    return mean_and_range(*map(_share, (fmean(values), min(values), max(values)))) if values else NOTHING


def _of(rows: pd.DataFrame) -> str:
    return NOTHING if rows.empty else "".join(_share(row) for row in rows["mean"])


def _share(value: float) -> str:
    return fixed(100 * value, 1)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return fixed(value, 0) if isinstance(value, int) else str(value).replace("_", " ")
