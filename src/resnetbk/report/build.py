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
from resnetbk.report.figures.scaling import loss_by_size
from resnetbk.report.figures.views import views
from resnetbk.report.frames import cost_frames, pair_frames, scaling_frame, state_frame, trials_frame
from resnetbk.report.loading import Results, load_results
from resnetbk.report.origins import load_sources
from resnetbk.report.page import render_page
from resnetbk.report.series import running_mean, spread
from resnetbk.report.tables.comparison import pair_table
from resnetbk.report.tables.data import series_table
from resnetbk.report.tables.scaling import scaling_table
from resnetbk.report.tables.tuning import trials_table
from resnetbk.report.tables.views import view_tables
from resnetbk.report.tidy import tidy_files


def build_report(params: Params, root: Path = Path()) -> dict[str, bytes]:
    """Draw the figures and write the page.

    **Arguments:** `params`: the run's; `root`: the repository, with metrics/, data/corpus/card.json and
    requirements.lock under it.
    **Returns:** the contents of plots/*.svg, plots/*.csv and report/index.html by path, a function of the measured
    files and the parameters alone.
    **Raises:** `UserError` for a file that is missing or is not what its stage writes.
    """
    results = load_results(params, root)
    validation = spread(results.validation, ["step", "tokens"], "validation_loss")
    positions = spread(results.positions, ["position"], "loss")
    training = spread(
        running_mean(results.training, "loss", params.plot.curve_smoothing), ["step", "tokens"], "loss"
    )
    figures = {
        **_figures(params, results, validation, training, positions),
        **_scaling(results),
        **battery_figures(results.battery),
    }
    sources = load_sources(params, {name: figure.svg for name, figure in figures.items()}, root=root)
    return {
        **{f"plots/{name}.svg": figure.svg for name, figure in figures.items()},
        **tidy_files(results, validation, training, positions),
        "report/index.html": render_page(params, results, figures, sources, root=root),
    }


def _figures(
    params: Params,
    results: Results,
    validation: pd.DataFrame,
    training: pd.DataFrame,
    positions: pd.DataFrame,
) -> dict[str, Figure]:
    """Return the figures of every run, each with the tables of its numbers."""
    models = results.models
    ngrams = pd.DataFrame(
        [{"name": name, "loss": score.loss} for name, score in results.comparison.ngrams.items()]
    )
    spreads = "mean over seeds, and lowest to highest seed, in nats per token"
    curves = [
        series_table(
            frame,
            "tokens",
            models,
            caption=f"{what}: {spreads}.",
            heading="Training tokens",
            stage="train",
            key=key,
        )
        for what, frame, key in (
            ("Validation loss", validation, "validation_loss"),
            ("Training loss, running mean", training, "loss"),
        )
    ]
    along = series_table(
        positions,
        "position",
        models,
        caption=f"Held-out loss: {spreads}.",
        heading="From position",
        stage="evaluate",
        key="loss_by_position",
    )
    trials, costs = trials_frame(results), cost_frames(results, validation)
    forest = comparison_forest(*pair_frames(results), models)
    cost = views(costs, state_frame(results), models)
    return {
        "comparison": Figure(forest, [pair_table(results)], ("compare",)),
        "learning_rates": Figure(learning_rates(trials, models), [trials_table(results, params.tune)], ("tune",)),
        "learning_curves": Figure(learning_curves(validation, training, models), curves, ("train",)),
        "loss_by_position": Figure(loss_by_position(positions, ngrams, models), [along], ("evaluate", "compare")),
        "views": Figure(cost, view_tables(results), ("train", "compare")),
    }


def _scaling(results: Results) -> dict[str, Figure]:
    """Return the scaling curve, nothing where no runs of several sizes were collected."""
    if len(results.scaling.runs) < 2:
        return {}
    sizes = scaling_frame(results)
    models = list(dict.fromkeys([*results.models, *sizes.model]))
    shown = [model for model in models if model in set(sizes.model)]
    return {"scaling": Figure(loss_by_size(sizes, models), [scaling_table(results, shown)], ("scaling",))}
