"""Everything that the report shows, read from the files of the stages before it and checked to be of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.report.agreement import require_same_run
from resnetbk.report.battery import Battery, load_battery
from resnetbk.report.reading import parse_file, read_file, read_history
from resnetbk.report.shapes.cells import Audit, Card, Evaluation, ValidationRow
from resnetbk.report.shapes.comparison import Comparison
from resnetbk.report.shapes.scaling import Scaling
from resnetbk.report.tuning import ModelTuning, load_tuning

SCALING_FILE, SCALING_COMMAND = "metrics/scaling.json", "resnetbk scaling COMMIT ..."


@dataclass(frozen=True)
class Results:
    """Everything the report shows.

    `training` has columns model, seed, step, tokens, loss; `validation` has validation_loss in place of loss;
    `positions` has model, seed, position, loss. Losses are in nats per token; rows follow run.models, run.seeds.
    """

    models: list[str]
    seeds: list[int]
    tuning: dict[str, ModelTuning]
    training: pd.DataFrame
    validation: pd.DataFrame
    positions: pd.DataFrame
    comparison: Comparison
    audits: dict[str, Audit]
    card: Card
    battery: Battery
    scaling: Scaling


def load_results(params: Params, root: Path) -> Results:
    """Read what the stages before `plot` have measured.

    **Arguments:** `params`: the run's; `root`: the repository's root.
    **Returns:** the checked contents.
    **Raises:** `UserError` naming the file, the key and the stage that makes it.
    """
    metrics = root / "metrics"
    models, seeds = params.run.models, params.run.seeds
    training, validation, positions = [], [], []
    for model in models:
        for seed in seeds:
            cell = {"model": model, "seed": seed}
            for row in read_history(metrics / "train" / f"{model}-{seed}.jsonl"):
                kept = validation if isinstance(row, ValidationRow) else training
                kept.append({**cell, **row.model_dump()})
            evaluation = read_file(metrics / "evaluate" / f"{model}-{seed}.json", Evaluation, "evaluate")
            positions += [{**cell, **row.model_dump()} for row in evaluation.loss_by_position]
    results = Results(
        models=models,
        seeds=seeds,
        tuning={model: load_tuning(params, model, root=root) for model in models},
        training=pd.DataFrame(training),
        validation=pd.DataFrame(validation),
        positions=pd.DataFrame(positions),
        comparison=read_file(metrics / "comparison.json", Comparison, "compare"),
        audits={model: read_file(metrics / "audit" / f"{model}.json", Audit, "audit") for model in models},
        card=read_file(root / "data" / "corpus" / "card.json", Card, "prepare"),
        battery=load_battery(params, root=root),
        scaling=_scaling(root / SCALING_FILE),
    )
    require_same_run(metrics / "comparison.json", results.comparison, models, seeds)
    for frame, along, where in (
        (results.training, "step", "metrics/train/{}-{}.jsonl"),
        (results.validation, "step", "metrics/train/{}-{}.jsonl"),
        (results.positions, "position", "metrics/evaluate/{}-{}.json"),
    ):
        _require_same_points(frame, along, where)
    return results


def _scaling(path: Path) -> Scaling:
    """Read the runs of other sizes that were collected; nothing makes the file but `resnetbk scaling`."""
    if not path.exists():
        raise UserError(f"{path}: not found. Restore it: git checkout -- {SCALING_FILE}")
    return parse_file(path.read_text(encoding="utf-8"), str(path), Scaling, SCALING_COMMAND)


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
