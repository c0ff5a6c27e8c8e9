"""The measured files that the report shows, read and checked: an error names the file and the key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from resnetbk.errors import UserError
from resnetbk.report.shapes import Audit, Card, Comparison, Evaluation, TrainingRow, ValidationRow

Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(frozen=True)
class Results:
    """Everything the report shows.

    `training` has columns model, seed, step, tokens, loss; `validation` has validation_loss in place of loss;
    `positions` has model, seed, position, loss. Losses are in nats per token; rows follow run.models, run.seeds.
    """

    models: list[str]
    seeds: list[int]
    training: pd.DataFrame
    validation: pd.DataFrame
    positions: pd.DataFrame
    comparison: Comparison
    audits: dict[str, Audit]
    card: Card


def load_results(root: Path, models: list[str], seeds: list[int]) -> Results:
    """Read what the stages before `plot` have measured.

    **Arguments:** `root`: the repository's root; `models`, `seeds`: run.models and run.seeds.
    **Returns:** the checked contents.
    **Raises:** `UserError` naming the file, the key and the stage that makes it.
    """
    metrics = root / "metrics"
    training, validation, positions = [], [], []
    for model in models:
        for seed in seeds:
            cell = {"model": model, "seed": seed}
            for row in _read_history(metrics / "train" / f"{model}-{seed}.jsonl"):
                kept = validation if isinstance(row, ValidationRow) else training
                kept.append({**cell, **row.model_dump()})
            evaluation = _read(metrics / "evaluate" / f"{model}-{seed}.json", Evaluation, "evaluate")
            positions += [{**cell, **row.model_dump()} for row in evaluation.loss_by_position]
    results = Results(
        models=models,
        seeds=seeds,
        training=pd.DataFrame(training),
        validation=pd.DataFrame(validation),
        positions=pd.DataFrame(positions),
        comparison=_read(metrics / "comparison.json", Comparison, "compare"),
        audits={model: _read(metrics / "audit" / f"{model}.json", Audit, "audit") for model in models},
        card=_read(root / "data" / "corpus" / "card.json", Card, "prepare"),
    )
    _require_same_run(metrics / "comparison.json", results)
    for frame, along, where in (
        (results.training, "step", "metrics/train/{}-{}.jsonl"),
        (results.validation, "step", "metrics/train/{}-{}.jsonl"),
        (results.positions, "position", "metrics/evaluate/{}-{}.json"),
    ):
        _require_same_points(frame, along, where)
    return results


def _text(path: Path, stage: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not found; the stage {stage!r} makes it: dvc repro plot") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); make it anew: dvc repro -f {stage}") from None


def _parse(content: str, where: str, stage: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not valid JSON: {error}; make it anew: dvc repro -f {stage}") from None


def _check(document: Any, shape: type[Shape], where: str, stage: str) -> Shape:
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        faults = (
            f"{where}: {'.'.join(map(str, fault['loc'])) or '(top level)'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UserError("\n".join([*faults, f"make it anew: dvc repro -f {stage}"])) from None


def _read(path: Path, shape: type[Shape], stage: str) -> Shape:
    return _check(_parse(_text(path, stage), str(path), stage), shape, str(path), stage)


def _read_history(path: Path) -> list[TrainingRow | ValidationRow]:
    """Read a cell's history; both kinds of row must be there."""
    rows: list[TrainingRow | ValidationRow] = []
    for number, line in enumerate(_text(path, "train").splitlines(), start=1):
        where = f"{path}, line {number}"
        row = _parse(line, where, "train")
        is_validation = isinstance(row, dict) and "validation_loss" in row
        rows.append(_check(row, ValidationRow if is_validation else TrainingRow, where, "train"))
    for shape, key in ((TrainingRow, "loss"), (ValidationRow, "validation_loss")):
        if not any(isinstance(row, shape) for row in rows):
            raise UserError(f"{path}: no row has the key {key!r}; make it anew: dvc repro -f train")
    return rows


def _require_same_run(path: Path, results: Results) -> None:
    """Refuse a comparison of other models or seeds than those of the run."""
    comparison, models = results.comparison, results.models
    rivals = [model for model in models if model != comparison.baseline]
    against_baseline = [pair.model for pair in comparison.comparisons if pair.against == comparison.baseline]
    named = [name for pair in comparison.comparisons for name in (pair.model, pair.against)]
    per_seed = {
        f"models.{name}.loss_by_seed": len(score.loss_by_seed) for name, score in comparison.models.items()
    }
    for key, found, expected in (
        ("seeds", comparison.seeds, results.seeds),
        ("models", sorted(comparison.models), sorted(models)),
        ("baseline", comparison.baseline in models, True),
        ("comparisons", sorted(against_baseline), sorted(rivals)),
        ("comparisons", sorted({*named, *models}), sorted(models)),
        *((key, count, len(results.seeds)) for key, count in per_seed.items()),
    ):
        if found != expected:
            raise UserError(
                f"{path}: {key}: not of the models and seeds that run names in params.yaml; found {found}, "
                f"expected {expected}; make it anew: dvc repro -f compare"
            )


def _require_same_points(frame: pd.DataFrame, along: str, where: str) -> None:
    """Refuse seeds of one model that were not measured at the same points: their mean would mean nothing."""
    for model, rows in frame.groupby("model", sort=False):
        points = rows.groupby("seed", sort=False)[along].agg(tuple)
        for seed, found in points.items():
            if found != points.iloc[0]:
                raise UserError(
                    f"{where.format(model, seed)}: its values of {along!r} are not those of "
                    f"{where.format(model, points.index[0])}; make both anew: dvc repro -f plot"
                )
