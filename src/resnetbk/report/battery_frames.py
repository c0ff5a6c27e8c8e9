"""From the battery's cells to the data frames that figures and tables take: a row a point, a mean over seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import Any

import pandas as pd

from resnetbk.report.battery import Battery
from resnetbk.report.series import spread
from resnetbk.report.shapes.context import ContextCell

Points = Callable[[ContextCell], Iterable[tuple[int, float | None]]]


def accuracy_frame(battery: Battery) -> pd.DataFrame:
    """Return columns task, model, length, mean, lowest, highest (shares of right answers) and seeds."""
    rows = [
        {"task": task, "model": model, "seed": run.seed, "length": test.length, "accuracy": test.accuracy}
        for task, cells in battery.tasks.items()
        for model, cell in cells.items()
        for run in cell.seeds
        for test in run.tests
    ]
    return _spread(rows, ["task", "length"], "accuracy")


def distance_frame(battery: Battery, task: str) -> pd.DataFrame:
    """Return columns model, distance, mean, lowest, highest (shares of right answers) at the training length."""
    rows = [
        {"model": model, "seed": run.seed, "distance": row.distance, "accuracy": row.accuracy}
        for model, cell in battery.tasks[task].items()
        for run in cell.seeds
        for row in (run.tests[0].by_distance if run.tests else ())
    ]
    return _spread(rows, ["distance"], "accuracy")


def windows_frame(battery: Battery) -> pd.DataFrame:
    """Return columns model, tokens (of a window), mean, lowest, highest (nats per token)."""
    return _context(battery, lambda cell: [(row.length, row.loss) for row in cell.windows])


def stream_frame(battery: Battery) -> pd.DataFrame:
    """Return columns model, tokens (position in the stream), mean, lowest, highest (nats per token)."""
    return _context(battery, lambda cell: [(row.position, row.loss) for row in cell.stream.loss_by_position])


def reach_frame(battery: Battery) -> pd.DataFrame:
    """Return columns model, tokens (distance back), mean, lowest, highest (shares of a prediction's gradient)."""
    return _context(battery, lambda cell: [(row.distance, row.share) for row in cell.receptive_field.by_distance])


def precision_frame(battery: Battery) -> pd.DataFrame:
    """Return columns model, precision (its place), mean, lowest, highest (nats per token)."""
    rows = [
        {"model": model, "seed": cell.seed, "precision": place, "loss": score.loss}
        for model, cells in battery.quantise.items()
        for cell in cells
        for place, score in enumerate(cell.precisions.values())
    ]
    return _spread(_finite(rows, "loss", ["model", "precision"]), ["precision"], "loss")


def exit_frame(battery: Battery) -> pd.DataFrame:
    """Return columns model, rule, adaptive (whether confidence decides), flops and loss, means over seeds, each
    model's rows with the fewest FLOPs first."""
    rows = []
    for model, cells in battery.early_exit.items():
        for same in zip(*(cell.rows for cell in cells), strict=True):
            means = {"flops": fmean(row.flops for row in same), "loss": fmean(row.loss for row in same)}
            rows.append({"model": model, "rule": same[0].rule, "adaptive": same[0].depth is None, **means})
    return pd.DataFrame(rows).sort_values("flops", kind="stable")


def _context(battery: Battery, points: Points) -> pd.DataFrame:
    rows = [
        {"model": model, "seed": cell.seed, "tokens": tokens, "value": value}
        for model, cells in battery.context.items()
        for cell in cells
        for tokens, value in points(cell)
    ]
    return _spread(_finite(rows, "value", ["model", "tokens"]), ["tokens"], "value")


def _finite(rows: list[dict[str, Any]], value: str, along: list[str]) -> list[dict[str, Any]]:
    """Leave out points that are not finite under every seed: a mean over the others would flatter."""
    broken = {tuple(row[key] for key in along) for row in rows if row[value] is None}
    return [row for row in rows if tuple(row[key] for key in along) not in broken]


def _spread(rows: list[dict[str, Any]], along: list[str], value: str) -> pd.DataFrame:
    return spread(pd.DataFrame(rows, columns=["model", "seed", *along, value]), along, value)
