"""The battery's part of the report; nothing where nothing of it was run."""

from __future__ import annotations

from resnetbk.report.battery import Battery
from resnetbk.report.battery_frames import (
    accuracy_frame,
    distance_frame,
    exit_frame,
    precision_frame,
    reach_frame,
    stream_frame,
    windows_frame,
)
from resnetbk.report.figure import Figure
from resnetbk.report.figures.accuracy import accuracy_by_length
from resnetbk.report.figures.context import long_context
from resnetbk.report.figures.early_exit import loss_by_exit
from resnetbk.report.figures.precision import loss_by_precision
from resnetbk.report.tables.context import context_tables
from resnetbk.report.tables.data import series_table
from resnetbk.report.tables.early_exit import exit_table
from resnetbk.report.tables.precision import precision_table
from resnetbk.report.tables.tasks import distance_table, task_table


def battery_figures(battery: Battery) -> dict[str, Figure]:
    """Return the figures of what was run, by name: tasks, long_context, precision, early_exit."""
    parts = {
        "tasks": (battery.tasks, _tasks),
        "long_context": (battery.context, _context),
        "precision": (battery.quantise, _precision),
        "early_exit": (battery.early_exit, _early_exit),
    }
    return {name: draw(battery) for name, (cells, draw) in parts.items() if cells}


def _tasks(battery: Battery) -> Figure:
    tables = []
    for task, cells in battery.tasks.items():
        tables.append(task_table(battery, task))
        distances = distance_frame(battery, task)
        if distances.distance.nunique() > 1:
            tables.append(distance_table(distances, task, list(cells)))
    chance = {task: next(iter(cells.values())).chance for task, cells in battery.tasks.items()}
    return Figure(accuracy_by_length(accuracy_frame(battery), chance, battery.models), tables, ("task",))


def _context(battery: Battery) -> Figure:
    stream, reach = stream_frame(battery), reach_frame(battery)
    models = list(battery.context)
    training_length = next(iter(battery.context.values()))[0].training_length
    curves = [
        series_table(
            frame,
            "tokens",
            models,
            caption=f"{what}: mean over seeds, and lowest to highest.",
            heading=along,
            stage="context",
            key=key,
        )
        for frame, what, along, key in (
            (stream, "Loss along the stream, nats per token", "From position", "stream.loss_by_position"),
            (reach, "Share of a prediction's gradient", "From distance", "receptive_field.by_distance"),
        )
    ]
    svg = long_context(windows_frame(battery), stream, reach, training_length, battery.models)
    return Figure(svg, [*context_tables(battery), *curves], ("context",))


def _precision(battery: Battery) -> Figure:
    precisions = list(next(iter(battery.quantise.values()))[0].precisions)
    return Figure(
        loss_by_precision(precision_frame(battery), precisions, battery.models),
        [precision_table(battery)],
        ("quantise",),
    )


def _early_exit(battery: Battery) -> Figure:
    return Figure(loss_by_exit(exit_frame(battery), battery.models), [exit_table(battery)], ("early_exit",))
