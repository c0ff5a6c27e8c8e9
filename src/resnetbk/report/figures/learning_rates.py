"""The tuning of each model: validation loss of every trial against its learning rate."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from resnetbk.report.figures import panels
from resnetbk.report.figures.layout import LEFT, WIDTH
from resnetbk.report.numbers import fixed
from resnetbk.report.style import INK, SeriesStyle, line_style, series_style
from resnetbk.report.svg import drawing, to_svg

_TOP = 0.7  # the legend, and the first titles
_FAINT = 0.45


def learning_rates(trials: pd.DataFrame, models: list[str]) -> bytes:
    """Draw a panel a model, all to one scale, with a line a weight decay; the one of the chosen trial is strong.

    **Arguments:** `trials`: columns model, learning_rate, weight_decay, validation_loss (nats per token, NaN where
    the trial diverged), chosen and at_edge (bool, of the chosen trial); `models`: run.models.
    **Returns:** the SVG file.
    """
    rates, decays = sorted(set(trials.learning_rate)), sorted(set(trials.weight_decay))
    with drawing(WIDTH, panels.height(len(models), top=_TOP)) as figure:
        grid = panels.place(figure, len(models), top=_TOP)
        for place, (axes, model) in enumerate(zip(grid, models, strict=True)):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(FixedLocator(rates))
            axes.xaxis.set_major_formatter(FixedFormatter([f"{rate:g}" for rate in rates]))
            axes.xaxis.set_minor_locator(NullLocator())
            _panel(axes, trials[trials.model == model], decays, series_style(place))
            axes.set_title(model)
        grid[0].set_xlim(rates[0] / 1.5, rates[-1] * 1.5)
        grid[0].margins(y=0.14)
        figure.supxlabel("Learning rate", y=0.01, va="bottom", fontsize="medium")
        _legend(figure, decays)
        return to_svg(figure, "Learning rates", describe_learning_rates(trials, models))


def describe_learning_rates(trials: pd.DataFrame, models: list[str]) -> str:
    """Say in words which trial of each model was chosen and which diverged."""
    words = []
    for model in models:
        rows = trials[trials.model == model]
        for row in rows[rows.chosen].itertuples():
            edge = ", at the edge of the range" if row.at_edge else ""
            words.append(
                f"{model}: {fixed(row.validation_loss, 3)} at learning rate {row.learning_rate:g} and weight "
                f"decay {row.weight_decay:g}{edge}"
            )
        if diverged := int(rows.validation_loss.isna().sum()):
            words.append(f"{model}: {diverged} of {len(rows)} trials diverged")
    return (
        "A panel for each model: validation loss in nats per token against the learning rate, one line for each "
        f"weight decay. The chosen trials: {'; '.join(words) or 'none, the rates were given'}."
    )


def _panel(axes: Axes, rows: pd.DataFrame, decays: list[float], look: SeriesStyle) -> None:
    best = set(rows[rows.chosen].weight_decay)
    for number, decay in enumerate(decays):
        line = rows[rows.weight_decay == decay].sort_values("learning_rate")
        strong = not best or decay in best
        axes.plot(
            line.learning_rate,
            line.validation_loss,
            color=look.colour,
            linestyle=line_style(number),
            marker=look.marker,
            alpha=1 if strong else _FAINT,
            linewidth=1.8 if strong else 1.1,
        )
        diverged = line[line.validation_loss.isna()]
        axes.plot(
            diverged.learning_rate,
            [0.94 - 0.1 * number] * len(diverged),
            "x",
            color=look.colour,
            markersize=6,
            markeredgewidth=1.6,
            transform=axes.get_xaxis_transform(),
        )
    for row in rows[rows.chosen].itertuples():
        axes.plot(row.learning_rate, row.validation_loss, "o", markersize=11, markerfacecolor="none", color=INK)
        if row.at_edge:
            # the choice is the lowest of its panel, so the other lower corner is free
            side = "right" if row.learning_rate == rows.learning_rate.min() else "left"
            corner = (0.97 if side == "right" else 0.03, 0.04)
            axes.annotate("at the edge", corner, xycoords="axes fraction", ha=side, va="bottom", color=INK)


def _legend(figure: Figure, decays: list[float]) -> None:
    handles = [
        Line2D([], [], color=INK, linestyle=line_style(number), label=f"weight decay {decay:g}")
        for number, decay in enumerate(decays)
    ]
    ring = {"marker": "o", "markersize": 9, "markerfacecolor": "none"}
    handles.append(Line2D([], [], color=INK, linestyle="", label="chosen", **ring))
    handles.append(Line2D([], [], color=INK, linestyle="", marker="x", markeredgewidth=1.6, label="diverged"))
    figure.legend(
        handles=handles,
        ncols=2,
        loc="upper left",
        bbox_to_anchor=(LEFT / WIDTH - 0.1, 1),
        borderaxespad=0,
        columnspacing=2,
        handlelength=1.8,
        handletextpad=0.5,
    )
