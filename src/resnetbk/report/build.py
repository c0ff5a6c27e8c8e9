"""From measured files to everything that the stage `plot` leaves behind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from resnetbk.params import Params
from resnetbk.report.battery_sections import battery_figures
from resnetbk.report.figure import Figure
from resnetbk.report.figures.comparison_forest import comparison_forest
from resnetbk.report.figures.learning_curves import learning_curves
from resnetbk.report.figures.learning_rates import learning_rates
from resnetbk.report.figures.loss_by_position import loss_by_position
from resnetbk.report.figures.views import views
from resnetbk.report.frames import cost_frames, pair_frames, state_frame, trials_frame
from resnetbk.report.loading import Results, load_results
from resnetbk.report.page import render_page
from resnetbk.report.series import running_mean, spread
from resnetbk.report.tables.comparison import pair_table
from resnetbk.report.tables.data import series_table
from resnetbk.report.tables.tuning import trials_table
from resnetbk.report.tables.views import view_tables


def build_report(params: Params, root: Path = Path()) -> dict[str, bytes]:
    """Draw the figures and write the page.

    **Arguments:** `params`: the run's; `root`: the repository, with metrics/ and data/corpus/card.json under it.
    **Returns:** the contents of plots/*.svg, plots/*.csv and report/index.html by path, a function of the measured
    files and the parameters alone.
    **Raises:** `UserError` for a file that is missing or is not what its stage writes.
    """
    results = load_results(params, root)
    validation = spread(results.validation, ["step", "tokens"], "validation_loss")
    positions = spread(results.positions, ["position"], "loss")
    trials = trials_frame(results)
    figures = {
        **_figures(params, results, validation, positions, trials),
        **battery_figures(results.battery),
    }
    return {
        **{f"plots/{name}.svg": figure.svg for name, figure in figures.items()},
        "plots/learning_rates.csv": _csv(trials[["learning_rate", "weight_decay", "validation_loss", "model"]]),
        "plots/learning_curves.csv": _means(validation, ["step", "tokens"], "validation_loss"),
        "plots/loss_by_position.csv": _means(positions, ["position"], "loss"),
        "report/index.html": render_page(params, results, figures),
    }


def _figures(
    params: Params, results: Results, validation: pd.DataFrame, positions: pd.DataFrame, trials: pd.DataFrame
) -> dict[str, Figure]:
    """Return the figures of every run, each with the tables of its numbers."""
    models = results.models
    training = spread(
        running_mean(results.training, "loss", params.plot.curve_smoothing), ["step", "tokens"], "loss"
    )
    ngrams = pd.DataFrame(
        [{"name": name, "loss": score.loss} for name, score in results.comparison.ngrams.items()]
    )
    spreads = "mean over seeds, and lowest to highest seed, in nats per token"
    curves = [
        series_table(frame, "tokens", models, caption=f"{what}: {spreads}.", heading="Training tokens")
        for what, frame in (("Validation loss", validation), ("Training loss, running mean", training))
    ]
    along = series_table(
        positions, "position", models, caption=f"Held-out loss: {spreads}.", heading="From position"
    )
    return {
        "comparison": Figure(comparison_forest(*pair_frames(results), models), [pair_table(results)]),
        "learning_rates": Figure(learning_rates(trials, models), [trials_table(results, params.tune)]),
        "learning_curves": Figure(learning_curves(validation, training, models), curves),
        "loss_by_position": Figure(loss_by_position(positions, ngrams, models), [along]),
        "views": Figure(
            views(cost_frames(results, validation), state_frame(results), models), view_tables(results)
        ),
    }


def _means(frame: pd.DataFrame, along: list[str], value: str) -> bytes:
    """Return the means over seeds as tidy CSV."""
    return _csv(frame.rename(columns={"mean": value})[[*along, value, "model"]])


def _csv(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV, floats by repr and nothing for NaN, for `dvc plots diff`."""
    return frame.to_csv(index=False, lineterminator="\n").encode()
