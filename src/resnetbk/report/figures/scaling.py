"""Held-out loss against the number of parameters."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from resnetbk.report.figures.layout import axes_legend, lines, loss_panel
from resnetbk.report.numbers import fixed
from resnetbk.report.svg import to_svg


def loss_by_size(sizes: pd.DataFrame, models: list[str]) -> bytes:
    """Draw a line a model through its sizes.

    **Arguments:** `sizes`: columns model, parameters (beside the embeddings), mean, lowest, highest (nats per
    token), in the order of sizes; `models`: run.models, and after them those of other runs.
    **Returns:** the SVG file.
    """
    with loss_panel(sizes) as (figure, axes):
        lines(axes, sizes, "parameters", models)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("Parameters beside the embeddings")
        axes_legend(figure, axes)
        return to_svg(figure, "Scaling", describe_sizes(sizes))


def describe_sizes(sizes: pd.DataFrame) -> str:
    """Say in words what each model reaches at its smallest and at its largest."""
    words = []
    for model, rows in sizes.groupby("model", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        words.append(
            f"{model} {fixed(first['mean'], 3)} with {fixed(first.parameters, 0)} parameters and "
            f"{fixed(last['mean'], 3)} with {fixed(last.parameters, 0)}"
        )
    return (
        "Line chart of held-out loss in nats per token against the parameters beside the embeddings, one line a "
        f"model, with a band from the lowest to the highest seed: {'; '.join(words)}."
    )
