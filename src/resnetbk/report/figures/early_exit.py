"""Held-out loss against the operations that an answer takes when tokens leave early."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import EngFormatter

from resnetbk.report.figures.layout import axes_legend, loss_panel
from resnetbk.report.numbers import fixed
from resnetbk.report.style import series_style
from resnetbk.report.svg import to_svg


def loss_by_exit(exits: pd.DataFrame, models: list[str]) -> bytes:
    """Draw a line a model through the confidences, and hollow markers at its fixed depths.

    **Arguments:** `exits`: columns model, adaptive (bool), flops (a token, forward) and loss (nats per token), in
    the order of flops; `models`: run.models.
    **Returns:** the SVG file.
    """
    with loss_panel(exits) as (figure, axes):
        for model, rows in exits.groupby("model", sort=False):
            look = series_style(models.index(model))
            sure, fixed_depth = rows[rows.adaptive], rows[~rows.adaptive]
            axes.plot(
                sure.flops, sure.loss, color=look.colour, linestyle=look.line, marker=look.marker, label=model
            )
            hollow = {"markerfacecolor": "none", "markersize": 8}
            axes.plot(fixed_depth.flops, fixed_depth.loss, look.marker, color=look.colour, **hollow)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.set_xlabel("Operations of a token, forward")
        axes_legend(figure, axes)
        return to_svg(figure, "Early exit", describe_exits(exits))


def describe_exits(exits: pd.DataFrame) -> str:
    """Say in words what each model loses at its cheapest, and what its whole depth reaches."""
    words = []
    for model, rows in exits.groupby("model", sort=False):
        cheap, dear = rows.iloc[0], rows.iloc[-1]
        words.append(
            f"{model} {fixed(cheap.loss, 3)} at {fixed(cheap.flops, 0)} operations and {fixed(dear.loss, 3)} at "
            f"{fixed(dear.flops, 0)}"
        )
    return (
        "Line chart of held-out loss in nats per token against the forward operations of a token, one line a "
        f"model through its confidences, hollow markers at its fixed depths: {'; '.join(words)}."
    )
