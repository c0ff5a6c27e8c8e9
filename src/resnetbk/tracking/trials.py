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


def trial_name(model: str, trial: Mapping[str, float], seed: int) -> str:
    """Return the name of a run, such as `tune mamba learning_rate 0.002 weight_decay 0.1 seed 1000`."""
    return " ".join(["tune", model, *(f"{name} {value:g}" for name, value in trial.items()), f"seed {seed}"])


def read_trials(params: Params, *, source: Source, asked: PipelineRun) -> Iterator[TrackedRun]:
    """Yield what MLflow is to show of each training of each trial: its rates, its curves, or where it diverged.

    **Raises:** `UserError` when a file that tuning makes is broken.
    """
    for model in params.run.models:
        for path in sorted((source.root / "metrics/tune" / model).glob("*.json")):
            file = read_json(path)
            for trial in file["trials"]:
                rates = {name: trial[name] for name in ("learning_rate", "weight_decay")}
                for run in _runs(trial, file):
                    yield TrackedRun(
                        name=trial_name(model, rates, run["seed"]),
                        key=sha256_json([model, file["steps"], rates, run]),
                        tags={
                            "model": model,
                            "seed": str(run["seed"]),
                            "stage": "tune",
                            "dvc_stage": f"tune@{model}-{path.stem}",
                            "outcome": "finished" if run["diverged_at"] is None else "diverged",
                            **asked.tags,
                            **origin_tags(source.provenance),
                            "provenance": source.found,
                        },
                        params=cell_params(params, model)
                        | {f"trial.{name}": as_text(value) for name, value in rates.items()},
                        points=_points(run),
                    )


def _runs(trial: dict[str, Any], file: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the trainings of a trial; the files of earlier versions hold the end of one alone."""
    if "runs" in trial:
        return trial["runs"]
    end = {"step": file["steps"], "validation_loss": trial["validation_loss"]}
    return [{"seed": file["seed"], "diverged_at": trial["diverged_at"], "history": [end]}]


def _points(run: dict[str, Any]) -> list[Point]:
    if run["diverged_at"] is not None:
        return [Point("tune/diverged_at", run["diverged_at"], run["diverged_at"])]
    return curve_points(run["history"])
