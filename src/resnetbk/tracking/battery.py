"""The runs of the battery: one for each model on each task, one for each further look at a trained model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from resnetbk.params import Params
from resnetbk.repro.files import sha256_file
from resnetbk.tracking.cell import cell_params
from resnetbk.tracking.origin import origin_tags
from resnetbk.tracking.pipeline_run import PipelineRun
from resnetbk.tracking.run import Point, TrackedRun, as_text, flatten, read_json
from resnetbk.tracking.source import Source


class _Cell(NamedTuple):
    """`settings`: its part of params.yaml, beside the model's; `points`: how its file becomes metrics."""

    stage: str
    name: str
    path: str
    settings: dict[str, Any]
    tags: dict[str, str]
    points: Callable[[Any], Iterable[Point]]


def read_battery(params: Params, *, source: Source, asked: PipelineRun) -> Iterator[TrackedRun]:
    """Yield what MLflow is to show of the cells that `battery` names; the default names none.

    **Raises:** `UserError` when a file that one of them makes is missing or broken.
    """
    common = {**asked.tags, **origin_tags(source.provenance), "provenance": source.found}
    for cell in _cells(params):
        file = source.root / cell.path
        made = read_json(file)
        settings = {name: as_text(leaf) for name, leaf in flatten(cell.settings).items()}
        yield TrackedRun(
            name=f"{cell.stage} {cell.name}",
            key=sha256_file(file),
            tags={"stage": cell.stage, "dvc_stage": f"{cell.stage}@{cell.name}", **cell.tags, **common},
            params=cell_params(params, cell.tags["model"]) | settings,
            points=[point for point in cell.points(made) if point.value is not None],
            artifacts={cell.path: file},
        )


def _cells(params: Params) -> Iterator[_Cell]:
    battery, document = params.battery, params.model_dump(mode="json")
    for task in battery.tasks:
        settings = {"tasks": {task: document["tasks"][task]}}
        for model in battery.task_models:
            name, tags = f"{task}-{model}", {"model": model, "task": task}
            yield _Cell("task", name, f"metrics/tasks/{name}.json", settings, tags, _task_points)
    for stage, models, points in (
        ("context", battery.context_models, _context_points),
        ("quantise", battery.quantise_models, _quantise_points),
        ("early_exit", battery.early_exit_models, _early_exit_points),
    ):
        settings = {stage: document[stage]}
        for model in models:
            for seed in params.run.seeds:
                name, tags = f"{model}-{seed}", {"model": model, "seed": str(seed)}
                yield _Cell(stage, name, f"metrics/{stage}/{name}.json", settings, tags, points)


def _task_points(cell: dict[str, Any]) -> Iterator[Point]:
    """Turn each seed's curve and tests into points; in a test the step is the length."""
    yield Point("chance", cell["chance"])
    for seed in cell["seeds"]:
        name = f"seed_{seed['seed']}"
        for row in seed["curve"]:
            for metric in ("loss", "accuracy"):
                yield Point(f"validation_{metric}/{name}", row[f"validation_{metric}"], row["step"])
        for test in seed["tests"]:
            for metric in ("loss", "accuracy", "state_bytes"):
                yield Point(f"test_{metric}/{name}", test[metric], test["length"])


def _context_points(cell: dict[str, Any]) -> Iterator[Point]:
    """Turn what a model does at longer lengths into points, whose step is a length, a position or a distance."""
    for window in cell["windows"]:
        for metric in ("loss", "non_finite_losses", "non_finite_logits"):
            yield Point(f"windows/{metric}", window[metric], window["length"])
    stream = cell["stream"]
    yield from (Point("stream/loss", row["loss"], row["position"]) for row in stream["loss_by_position"])
    yield from (Point("stream/peak_bytes", row["peak_bytes"], row["position"]) for row in stream["memory"])
    yield Point("stream/non_finite_logits", stream["non_finite_logits"], stream["length"])
    for name, other in cell["out_of_domain"].items():
        yield Point(f"out_of_domain/{name}", other["held_out"]["loss"])
    field = cell["receptive_field"]
    yield from (Point(f"receptive_field/{name}", field[name]) for name in ("mean_distance", "distance_90"))
    yield from (Point("receptive_field/share", row["share"], row["distance"]) for row in field["by_distance"])
    yield Point("gradient_spikes", len(cell["gradient_spikes"]["spikes"]))


def _quantise_points(cell: dict[str, Any]) -> Iterator[Point]:
    yield Point("loss/float32", cell["loss"])
    for name, row in cell["precisions"].items():
        yield Point(f"loss/{name}", row["loss"])
        yield Point(f"weight_bytes/{name}", row["weight_bytes"])


def _early_exit_points(cell: dict[str, Any]) -> Iterator[Point]:
    """Turn exits into points: after a number of blocks, which is the step, or once a token is sure enough."""
    for row in cell["rows"]:
        name = "depth" if row["depth"] else f"confidence_{row['confidence']:g}"
        for metric in ("loss", "mean_depth", "flops"):
            yield Point(f"{metric}/{name}", row[metric], row["depth"] or 0)
