"""The runs of a pipeline's tuning: one for each trial of each model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resnetbk.params import Params
from resnetbk.repro.files import sha256_json
from resnetbk.tracking.cell import cell_params, curve_points
from resnetbk.tracking.origin import origin_tags
from resnetbk.tracking.pipeline_run import PipelineRun
from resnetbk.tracking.run import Point, TrackedRun, as_text, read_json
from resnetbk.tracking.source import Source


def trial_name(model: str, trial: Mapping[str, float]) -> str:
    """Return the name of a trial's run, such as `tune mamba learning_rate 0.002 weight_decay 0.1`."""
    return " ".join(["tune", model, *(f"{name} {value:g}" for name, value in trial.items())])


def read_trials(params: Params, *, source: Source, asked: PipelineRun) -> Iterator[TrackedRun]:
    """Yield what MLflow is to show of each trial: its rates, its curves, and where it ended or diverged.

    **Raises:** `UserError` when a file that tuning makes is broken.
    """
    for model in params.run.models:
        for path in sorted((source.root / "metrics/tune" / model).glob("*.json")):
            file = read_json(path)
            for trial in file["trials"]:
                rates = {name: trial[name] for name in ("learning_rate", "weight_decay")}
                yield TrackedRun(
                    name=trial_name(model, rates),
                    key=sha256_json([model, file["seed"], file["steps"], trial]),
                    tags={
                        "model": model,
                        "seed": str(file["seed"]),
                        "stage": "tune",
                        "dvc_stage": f"tune@{model}-{path.stem}",
                        "outcome": "finished" if trial["diverged_at"] is None else "diverged",
                        **asked.tags,
                        **origin_tags(source.provenance),
                        "provenance": source.found,
                    },
                    params=cell_params(params, model)
                    | {f"trial.{name}": as_text(value) for name, value in rates.items()},
                    points=_points(trial, file["steps"]),
                )


def _points(trial: Mapping[str, Any], steps: int) -> list[Point]:
    if trial["diverged_at"] is not None:
        return [Point("tune/diverged_at", trial["diverged_at"], trial["diverged_at"])]
    # Files of earlier versions hold the end of a trial alone.
    return curve_points(trial.get("history") or [{"step": steps, "validation_loss": trial["validation_loss"]}])
