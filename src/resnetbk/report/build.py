"""From measured files to everything that the stage `plot` leaves behind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from resnetbk.params import Params
from resnetbk.report import figures, tables
from resnetbk.report.loading import Results, load_results
from resnetbk.report.page import render_page
from resnetbk.report.series import running_mean, spread


def build_report(params: Params, root: Path = Path()) -> dict[str, bytes]:
    """Draw the figures and write the page.

    **Arguments:** `params`: the run's; `root`: the repository, with metrics/ and data/corpus/card.json under it.
    **Returns:** the contents of plots/*.svg, plots/*.csv and report/index.html by path, a function of the measured
    files and the parameters alone.
    **Raises:** `UserError` for a file that is missing or is not what its stage writes.
    """
    results = load_results(root, params.run.models, params.run.seeds)
    models, window = results.models, params.plot.curve_smoothing
    validation = spread(results.validation, ["step", "tokens"], "validation_loss")
    training = spread(running_mean(results.training, "loss", window), ["step", "tokens"], "loss")
    positions = spread(results.positions, ["position"], "loss")
    pairs, seeds = _pairs(results)
    ngrams = pd.DataFrame(
        [{"name": name, "loss": score.loss} for name, score in results.comparison.ngrams.items()]
    )
    svgs = {
        "learning_curves": figures.learning_curves(validation, training, models),
        "loss_by_position": figures.loss_by_position(positions, ngrams, models),
        "comparison": figures.comparison_forest(pairs, seeds, models),
    }
    spreads = "mean over seeds, and lowest to highest seed, in nats per token"
    data = {
        "learning_curves": [
            tables.series_table(frame, "tokens", models, caption=f"{what}: {spreads}.", heading="Training tokens")
            for what, frame in (("Validation loss", validation), ("Training loss, running mean", training))
        ],
        "loss_by_position": [
            tables.series_table(
                positions, "position", models, caption=f"Held-out loss: {spreads}.", heading="From position"
            )
        ],
        "comparison": [tables.pair_table(results)],
    }
    page = render_page(results, {name: (svgs[name], data[name]) for name in svgs}, window)
    return {
        **{f"plots/{name}.svg": content for name, content in svgs.items()},
        "plots/learning_curves.csv": _csv(validation, ["step", "tokens"], "validation_loss"),
        "plots/loss_by_position.csv": _csv(positions, ["position"], "loss"),
        "report/index.html": page,
    }


def _pairs(results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the comparisons and their differences seed by seed, as `figures.comparison_forest` takes them."""
    pairs, seeds = [], []
    for pair in results.comparison.comparisons:
        names = {"model": pair.model, "against": pair.against}
        low, high = pair.confidence_interval
        numbers = {"difference": pair.difference, "low": low, "high": high, "margin": pair.margin}
        pairs.append({**names, **numbers, "verdict": pair.verdict})
        first, second = (results.comparison.models[name].loss_by_seed for name in (pair.model, pair.against))
        seeds += [{**names, "difference": a - b} for a, b in zip(first, second, strict=True)]
    columns = ["model", "against", "difference"]
    return (
        pd.DataFrame(pairs, columns=[*columns, "low", "high", "margin", "verdict"]),
        pd.DataFrame(seeds, columns=columns),
    )


def _csv(frame: pd.DataFrame, along: list[str], value: str) -> bytes:
    """Return the means over seeds as tidy CSV, floats by repr, for `dvc plots diff`."""
    tidy = frame.rename(columns={"mean": value})[[*along, value, "model"]]
    return tidy.to_csv(index=False, lineterminator="\n").encode()
