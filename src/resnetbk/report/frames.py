"""From what was read to the data frames that figures draw."""

from __future__ import annotations

import pandas as pd

from resnetbk.report.loading import Results
from resnetbk.report.shapes.ledger import NotMeasured


def trials_frame(results: Results) -> pd.DataFrame:
    """Return every trial, as `figures.learning_rates` takes them."""
    return pd.DataFrame(
        {
            "model": model,
            "learning_rate": trial.learning_rate,
            "weight_decay": trial.weight_decay,
            "validation_loss": float("nan") if trial.validation_loss is None else trial.validation_loss,
            "chosen": trial is tuning.chosen,
            "at_edge": trial is tuning.chosen and tuning.at_edge,
        }
        for model, tuning in results.tuning.items()
        for trial in tuning.trials
    )


def pair_frames(results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the comparisons and their differences seed by seed, as `figures.comparison_forest` takes them."""
    pairs, seeds = [], []
    for number, pair in enumerate(results.comparison.comparisons, start=1):
        names = {"model": pair.model, "against": pair.against}
        low, high = pair.confidence_interval
        numbers = {"difference": pair.difference, "low": low, "high": high, "margin": pair.margin}
        pairs.append({"number": number, **names, **numbers, "verdict": pair.verdict})
        first, second = (results.comparison.models[name].loss_by_seed for name in (pair.model, pair.against))
        seeds += [{**names, "difference": a - b} for a, b in zip(first, second, strict=True)]
    columns = ["model", "against", "difference"]
    return (
        pd.DataFrame(pairs, columns=["number", *columns, "low", "high", "margin", "verdict"]),
        pd.DataFrame(seeds, columns=columns),
    )


def cost_frames(results: Results, validation: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, float]]:
    """Return the validation curves against operations and, where they were measured, seconds.

    **Arguments:** `validation`: columns model, step, mean, lowest, highest.
    **Returns:** by name of the cost the curves, with a column cost, and the common budget.
    """
    views = {"operations": results.comparison.views.flops, "seconds": results.comparison.views.seconds}
    spent = {}
    for unit, view in views.items():
        if not isinstance(view, NotMeasured):
            of_a_step = validation.model.map({name: found.step_cost for name, found in view.models.items()})
            spent[unit] = (validation.assign(cost=validation.step * of_a_step), view.budget)
    return spent


def scaling_frame(results: Results) -> pd.DataFrame:
    """Return columns model, parameters, mean, lowest, highest (nats per token), a row a model of each run."""
    return pd.DataFrame(
        [
            {
                "model": name,
                "parameters": found.parameters,
                "mean": found.loss,
                "lowest": min(found.loss_by_seed),
                "highest": max(found.loss_by_seed),
            }
            for run in results.scaling.runs
            for name, found in run.models.items()
        ],
        columns=["model", "parameters", "mean", "lowest", "highest"],
    )


def state_frame(results: Results) -> pd.DataFrame:
    """Return the size of each model's state and its loss on the test split."""
    found = results.comparison.views.state_size.models
    return pd.DataFrame(
        {"model": name, "state_size": found[name].state_size, "loss": found[name].loss} for name in results.models
    )
