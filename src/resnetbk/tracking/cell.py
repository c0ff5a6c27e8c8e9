"""A cell's run, from the versioned files that the pipeline made and the records in the spool."""

from __future__ import annotations

import math
from typing import Any

from resnetbk.params import PARAMS_FILE, Params
from resnetbk.repro.files import sha256_file, sha256_json
from resnetbk.tracking.origin import origin_files, origin_tags, pretty, untracked_code
from resnetbk.tracking.pipeline_run import PipelineRun
from resnetbk.tracking.registry import StoredModel, as_alias
from resnetbk.tracking.run import DataSplit, Point, TrackedRun, as_text, flatten, read_json, read_json_lines
from resnetbk.tracking.source import Source
from resnetbk.tracking.spool import OUTPUTS, find_record
from resnetbk.training.curves import curves, metric_name

_TEST_METRICS = ("loss", "perplexity", "bits_per_byte", "tokens", "bytes")
_NOT_CURVES = {"step", "tokens"}
_SECTIONS = ("run", "prepare", "audit", "tune", "train", "evaluate")  # of params.yaml, beside the model's own

Records = dict[str, dict[str, Any]]


def read_cell(params: Params, model: str, seed: int, *, source: Source, asked: PipelineRun) -> TrackedRun:
    """Gather what MLflow is to show of one trained and evaluated model.

    **Arguments:** `source`: the tree with its files; `asked`: the pipeline run it is part of.
    **Raises:** `UserError` when a file that an earlier stage makes is missing or broken.
    """
    cell, root = f"{model}-{seed}", source.root
    outputs = {stage: root / path.format(model=model, seed=seed) for stage, path in OUTPUTS.items()}
    files = {
        "manifest.json": outputs["train"],
        "evaluate.json": outputs["evaluate"],
        "history.jsonl": root / f"metrics/train/{cell}.jsonl",
        "audit.json": root / f"metrics/audit/{model}.json",
        "card.json": root / "data/corpus/card.json",
        "params.yaml": root / PARAMS_FILE,
    }
    manifest, evaluation, card = (read_json(files[f"{name}.json"]) for name in ("manifest", "evaluate", "card"))
    history = read_json_lines(files["history.jsonl"])
    hashes = {stage: sha256_file(path) for stage, path in outputs.items()}
    found = {stage: find_record(source.main, stage, model, seed, digest) for stage, digest in hashes.items()}
    records = {stage: record for stage, record in found.items() if record}
    trained = records.get("train")
    provenance = trained["provenance"] if trained else source.provenance
    data = [
        DataSplit(card["corpus"], split, facts["tokens_sha256"], card["source"])
        for split, facts in card["splits"].items()
    ]
    tags = {
        "model": model,
        "seed": str(seed),
        "dvc_stage": f"train@{cell} evaluate@{cell}",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": f"dvc.yaml:train@{cell}",
        "weights_sha256": manifest["final_weights"],
        "code_sha256": sha256_json(manifest["code"]),
        **{f"data_sha256.{split.split}": split.sha256 for split in data},
        **asked.tags,
        **origin_tags(provenance),
        "provenance": "recorded by train" if trained else source.found,
    }
    return TrackedRun(
        name=cell,
        key=sha256_json(hashes),
        tags=tags,
        params=cell_params(params, model),
        points=[*measured(history, evaluation), *_derived(history, card), *_speed(records)],
        data=data,
        artifacts={
            **files,
            **origin_files(provenance),
            **untracked_code(provenance, root),
            **{f"provenance/{stage}.json": pretty(record) for stage, record in records.items()},
        },
        start=trained["finished"] - trained["seconds"] if trained else None,
        end=trained["finished"] if trained else None,
        model=StoredModel(
            alias=as_alias(asked.title),
            cell=root / f"models/{cell}",
            manifest=manifest,
            vocabulary_size=card["vocabulary_size"],
            validation_loss=[row["validation_loss"] for row in history if "validation_loss" in row][-1],
            validation_sha256=card["splits"]["validation"]["tokens_sha256"],
        ),
    )


def cell_params(params: Params, model: str) -> dict[str, str]:
    """Return what a cell of one model depends on, by dotted name; the comparison's run has all parameters."""
    document = params.model_dump(mode="json")
    mine = {section: document[section] for section in _SECTIONS} | {"models": {model: document["models"][model]}}
    return {name: as_text(leaf) for name, leaf in flatten(mine).items()}


def measured(history: list[dict[str, Any]], evaluation: dict[str, Any]) -> list[Point]:
    """Return every point that follows from a cell's history and evaluation, and so from no clock."""
    return [*curve_points(history), *_results(evaluation)]


def curve_points(history: list[dict[str, Any]]) -> list[Point]:
    """Turn the rows of a history into points; MLflow's charts group what stands before the slash."""
    return [
        Point(metric_name(name), value, row["step"], row["step"] / _last(history))
        for row in history
        for name, value in row.items()
        if name not in _NOT_CURVES
    ]


def _derived(history: list[dict[str, Any]], card: dict[str, Any]) -> list[Point]:
    """Return what follows from a history and the data: losses in other units, steps as tokens."""
    return [
        Point(name, value, row["step"], row["step"] / _last(history))
        for row in history
        for name, value in curves(row, card).items()
        if name not in map(metric_name, row.keys() - _NOT_CURVES) and math.isfinite(value)
    ]


def _last(history: list[dict[str, Any]]) -> int:
    return history[-1]["step"] or 1


def _results(evaluation: dict[str, Any]) -> list[Point]:
    """Turn a cell's evaluation into points; in loss by position the step is the position."""
    points = [Point(f"test/{name}", evaluation[name]) for name in _TEST_METRICS]
    points += [Point(f"model/parameters_{name}", value) for name, value in evaluation["parameters"].items()]
    points += [Point(f"model/{name}", evaluation[name]) for name in ("state_size", "training_tokens")]
    for bucket in evaluation["loss_by_position"]:
        points.append(Point("test/loss_by_position", bucket["loss"], bucket["position"]))
    return points


def _speed(records: Records) -> list[Point]:
    """Return what a clock measured: it depends on the host and stands in no versioned file."""
    return [
        Point(f"time/{stage}_{name}", record[name])
        for stage, record in records.items()
        for name in ("seconds", "tokens_per_second")
        if record[name] is not None
    ]
