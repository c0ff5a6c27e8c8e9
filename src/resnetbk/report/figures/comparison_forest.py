"""Differences between models as a forest plot."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from resnetbk.report.figures.layout import WIDTH
from resnetbk.report.numbers import MINUS, interval, signed
from resnetbk.report.style import INK, SeriesStyle, series_style
from resnetbk.report.svg import drawing, to_svg


def comparison_forest(comparisons: pd.DataFrame, seeds: pd.DataFrame, models: list[str]) -> bytes:
    """Draw the differences in loss as a forest plot: estimate, interval, margin of equivalence, verdict.

    **Arguments:** `comparisons`: a row a pair, columns number, model, against, verdict, difference, low, high and
    margin (nats per token; a difference is negative where `model` is better); `seeds`: columns model, against,
    difference, a row for each seed of a pair; `models`: run.models.
    **Returns:** the SVG file.
    """
    rows, row, top, bottom = max(1, len(comparisons)), 0.66, 0.3, 0.5
    height = top + row * rows + bottom
    with drawing(WIDTH, height) as figure:
        axes = figure.add_axes((0.03, bottom / height, 0.94, row * rows / height))
        axes.set_ylim(rows, 0)
        axes.grid(visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_yticks([])
        for place, entry in enumerate(comparisons.itertuples()):
            dots = seeds[(seeds.model == entry.model) & (seeds.against == entry.against)].difference
            _forest_row(axes, place, entry, dots, series_style(models.index(entry.model)))
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel("Difference in held-out loss, nats per token")
        for side, words in (("left", "← the first model is better"), ("right", "the second is better →")):
            axes.set_title(words, loc=side, weight="normal")
        if comparisons.empty:
            axes.text(0.5, 0.5, "one model: nothing to compare", ha="center", transform=axes.transAxes)
        return to_svg(figure, "Comparison", describe_comparison(comparisons))


def describe_comparison(comparisons: pd.DataFrame) -> str:
    """Say in words what the forest plot shows."""
    words = [
        f"{entry.model} minus {entry.against} {signed(entry.difference, 4)} "
        f"(interval {interval(entry.low, entry.high, 4)}): {entry.verdict}"
        for entry in comparisons.itertuples()
    ]
    return (
        "Forest plot of differences in held-out loss, in nats per token, with confidence intervals and a shaded "
        f"margin of equivalence. {'; '.join(words)}."
    )


def _forest_row(axes: Axes, place: int, entry: Any, dots: pd.Series, look: SeriesStyle) -> None:
    """Draw one pair: its names and verdict above, its interval, its estimate and its seeds below."""
    middle = place + 0.64
    if place:
        axes.axhline(place, color=INK, linewidth=0.6, alpha=0.3)
    axes.fill_between([-entry.margin, entry.margin], place + 0.42, place + 0.96, color=INK, alpha=0.2, linewidth=0)
    axes.plot([0, 0], [place + 0.42, place + 0.96], color=INK, linewidth=1)
    axes.plot(dots, [middle + 0.2] * len(dots), "|", color=look.colour, markersize=5, markeredgewidth=1)
    axes.plot([entry.low, entry.high], [middle, middle], color=look.colour, linewidth=2.2)
    axes.plot(entry.difference, middle, look.marker, color=look.colour, markersize=7)
    across = axes.get_yaxis_transform()
    axes.text(
        0, place + 0.3, f"{entry.number}. {entry.model} {MINUS} {entry.against}", weight="bold", transform=across
    )
    verdict = re.split(":| within", entry.verdict)[0]  # the reason and the margin stand in the table
    axes.text(1, place + 0.3, verdict, ha="right", transform=across)
