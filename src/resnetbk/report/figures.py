"""The report's figures: one function a figure, from a pandas DataFrame to the bytes of an SVG file.

Margins are given in inches, not found by a solver, so that a figure's layout is plain arithmetic. Figures are
narrow: shown at the width of a phone, their text is still read.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from resnetbk.report.numbers import MINUS, fixed, interval, signed
from resnetbk.report.style import INK, SeriesStyle, series_style
from resnetbk.report.svg import drawing, to_svg

_WIDTH = 4.5
_LEFT, _RIGHT = 0.5, 0.1
_LEGEND_ROW = 0.2


def learning_curves(validation: pd.DataFrame, training: pd.DataFrame, models: list[str]) -> bytes:
    """Draw validation loss above training loss against tokens seen, each with its spread over seeds.

    **Arguments:** `validation`, `training`: columns model, tokens, mean, lowest, highest (nats per token), rows in
    the order of tokens; `models`: run.models, which fixes colours and the legend's order.
    **Returns:** the SVG file.
    """
    legend = _legend_height(models)
    height = 5.3 + legend
    with drawing(_WIDTH, height) as figure:
        upper = _axes(figure, top=legend + 0.3, height=2.6)
        lower = _axes(figure, top=legend + 3.25, height=1.6, share=upper)
        _lines(upper, validation, "tokens", models)
        _lines(lower, training, "tokens", models, markers=False)
        upper.set_title("Validation loss, nats per token")
        lower.set_title("Training loss, nats per token (running mean)")
        upper.tick_params(labelbottom=False)
        lower.set_xlabel("Training tokens seen")
        lower.xaxis.set_major_formatter(FuncFormatter(_thousands))
        lower.set_xlim(left=0)
        _legend(figure, upper)
        return to_svg(figure, "Learning curves", describe_curves(validation, models))


def describe_curves(validation: pd.DataFrame, models: list[str]) -> str:
    """Say in words where the learning curves end, for a reader who does not see them."""
    ends = [validation[validation.model == model].iloc[-1] for model in models]
    losses = "; ".join(
        f"{end.model} {fixed(end['mean'], 3)} ({fixed(end.lowest, 3)} to {fixed(end.highest, 3)})" for end in ends
    )
    return (
        "Line chart of loss against training tokens, one line a model, with a band from the lowest to the highest "
        f"seed. Validation loss at the last point, in nats per token: {losses}."
    )


def loss_by_position(positions: pd.DataFrame, references: pd.DataFrame, models: list[str]) -> bytes:
    """Draw held-out loss against the position in the context, with the spread over seeds.

    **Arguments:** `positions`: columns model, position (first of its bucket), mean, lowest, highest (nats per
    token); `references`: columns name, loss, drawn as level lines; `models`: run.models.
    **Returns:** the SVG file.
    """
    legend = _legend_height(models)
    with drawing(_WIDTH, 3.5 + legend) as figure:
        axes = _axes(figure, top=legend + 0.3, height=2.7)
        _lines(axes, positions, "position", models)
        axes.set_xlim(left=0)
        lowest, highest = axes.get_ylim()
        for row in references.itertuples():
            if lowest <= row.loss <= highest + 0.15 * (highest - lowest):
                axes.axhline(row.loss, color=INK, linewidth=1, linestyle=(0, (2, 2)))
                axes.annotate(
                    f"{row.name}, mean",
                    (1, row.loss),
                    (0, 3),
                    xycoords=("axes fraction", "data"),
                    textcoords="offset points",
                    ha="right",
                )
        axes.set_title("Held-out loss, nats per token")
        axes.set_xlabel("Position in the context, tokens")
        _legend(figure, axes)
        return to_svg(figure, "Loss by position", describe_positions(positions, models))


def describe_positions(positions: pd.DataFrame, models: list[str]) -> str:
    """Say in words where each model's loss starts and ends along the context."""
    words = []
    for model in models:
        rows = positions[positions.model == model]
        words.append(f"{model} from {fixed(rows['mean'].iloc[0], 3)} to {fixed(rows['mean'].iloc[-1], 3)}")
    return (
        "Line chart of held-out loss against the position in the context, one line a model, with a band from the "
        f"lowest to the highest seed. From the first positions to the last, in nats per token: {'; '.join(words)}."
    )


def comparison_forest(comparisons: pd.DataFrame, seeds: pd.DataFrame, models: list[str]) -> bytes:
    """Draw the differences in loss as a forest plot: estimate, interval, margin of equivalence, verdict.

    **Arguments:** `comparisons`: a row a pair, columns model, against, difference, low, high, margin (nats per
    token; a difference is negative where `model` is better) and verdict; `seeds`: columns model, against,
    difference, a row for each seed of a pair; `models`: run.models.
    **Returns:** the SVG file.
    """
    rows, row, top, bottom = max(1, len(comparisons)), 0.66, 0.3, 0.5
    height = top + row * rows + bottom
    with drawing(_WIDTH, height) as figure:
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
    axes.text(0, place + 0.3, f"{entry.model} {MINUS} {entry.against}", weight="bold", transform=across)
    verdict = re.split(":| within", entry.verdict)[0]  # the reason and the margin stand in the table
    axes.text(1, place + 0.3, verdict, ha="right", transform=across)


def _axes(figure: Figure, *, top: float, height: float, share: Axes | None = None) -> Axes:
    """Place axes `top` inches below the figure's upper edge."""
    width, total = figure.get_size_inches()
    place = (_LEFT / width, (total - top - height) / total, (width - _LEFT - _RIGHT) / width, height / total)
    return figure.add_axes(place, sharex=share)


def _lines(axes: Axes, frame: pd.DataFrame, along: str, models: list[str], *, markers: bool = True) -> None:
    """Draw one line with its band for each model."""
    for place, model in enumerate(models):
        look, rows = series_style(place), frame[frame.model == model]
        x = rows[along].to_numpy()
        axes.fill_between(x, rows.lowest, rows.highest, color=look.colour, alpha=0.18, linewidth=0)
        marker = look.marker if markers else ""
        every = max(1, len(rows) // 12)
        axes.plot(
            x,
            rows["mean"],
            color=look.colour,
            linestyle=look.line,
            marker=marker,
            markevery=every,
            label=model,
            clip_on=False,
        )


def _legend_height(models: list[str]) -> float:
    return _LEGEND_ROW * ((len(models) + 1) // 2)


def _legend(figure: Figure, axes: Axes) -> None:
    """Name the lines above the axes, two a row, in the order of run.models when read row by row."""
    handles, labels = axes.get_legend_handles_labels()
    order = [*range(0, len(handles), 2), *range(1, len(handles), 2)]  # Matplotlib fills column by column
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        ncols=2,
        loc="upper left",
        bbox_to_anchor=(_LEFT / _WIDTH - 0.02, 1),
        borderaxespad=0,
        columnspacing=2,
    )


def _thousands(value: float, _position: int) -> str:
    return f"{value / 1000:,.0f}k" if value else "0"
