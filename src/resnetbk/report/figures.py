"""The report's figures: one function a figure, from a pandas DataFrame to the bytes of an SVG file.

Margins are given in inches, not found by a solver, so that a figure's layout is plain arithmetic. Figures are
narrow: shown at the width of a phone, their text is still read.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from resnetbk.report.style import INK, series_style
from resnetbk.report.svg import drawing, to_svg

_WIDTH = 4.7
_LEFT, _RIGHT, _BOTTOM = 0.55, 0.08, 0.45
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
    losses = "; ".join(f"{end.model} {end['mean']:.3f} ({end.lowest:.3f} to {end.highest:.3f})" for end in ends)
    return (
        f"Line chart of loss against training tokens, one line a model, with a band from the lowest to the highest "
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
        words.append(f"{model} from {rows['mean'].iloc[0]:.3f} to {rows['mean'].iloc[-1]:.3f}")
    return (
        "Line chart of held-out loss against the position in the context, one line a model, with a band from the "
        f"lowest to the highest seed. From the first positions to the last, in nats per token: {'; '.join(words)}."
    )


def comparison_forest(comparisons: pd.DataFrame, seeds: pd.DataFrame, margin: float, models: list[str]) -> bytes:
    """Draw each model's difference from the baseline as a forest plot.

    **Arguments:** `comparisons`: columns model, against, difference, low, high (nats per token, negative where the
    model is better; NaN where there is no interval), verdict; `seeds`: columns model, difference, one row a seed;
    `margin`: half-width of the band inside which models count as equivalent (nats per token); `models`: run.models.
    **Returns:** the SVG file.
    """
    rows = len(comparisons)
    row, top = 0.62, 0.4
    height = top + row * rows + 0.62
    against = ", ".join(dict.fromkeys(comparisons.against))
    with drawing(_WIDTH, height) as figure:
        axes = figure.add_axes((0.03, 0.62 / height, 0.94, row * rows / height))
        axes.set_ylim(rows, 0)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_yticks([])
        axes.axvspan(-margin, margin, color=INK, alpha=0.16, linewidth=0)
        axes.axvline(0, color=INK, linewidth=1)
        for place, entry in enumerate(comparisons.itertuples()):
            look = series_style(models.index(entry.model))
            middle = place + 0.66
            dots = seeds[seeds.model == entry.model].difference
            axes.plot(dots, [middle + 0.17] * len(dots), "|", color=look.colour, markersize=5, markeredgewidth=1)
            if pd.notna(entry.low):
                axes.plot([entry.low, entry.high], [middle, middle], color=look.colour, linewidth=2.2)
            if pd.notna(entry.difference):
                axes.plot(entry.difference, middle, look.marker, color=look.colour, markersize=7)
            name = {"x": 0, "y": place + 0.32, "transform": axes.get_yaxis_transform()}
            axes.text(s=entry.model, weight="bold", **name)
            axes.text(s=entry.verdict.split(":")[0], ha="right", **{**name, "x": 1})
            if place:
                axes.axhline(place, color=INK, linewidth=0.6, alpha=0.25)
        reach = max(abs(limit) for limit in (*axes.get_xlim(), 1.5 * margin))
        axes.set_xlim(-reach, reach)
        axes.xaxis.set_major_locator(MaxNLocator(7, symmetric=True))
        axes.set_xlabel(f"Difference in held-out loss from {against}, nats per token")
        for side, words in ((0, "← lower loss (better)"), (1, "higher loss (worse) →")):
            axes.annotate(words, (side, 1), (0, 12), xycoords="axes fraction", textcoords="offset points",
                          ha=("left", "right")[side])  # fmt: skip
        return to_svg(figure, f"Comparison with {against}", describe_comparison(comparisons, margin))


def describe_comparison(comparisons: pd.DataFrame, margin: float) -> str:
    """Say in words what the forest plot shows."""
    words = [
        f"{entry.model} minus {entry.against} {entry.difference:+.4f}, interval {entry.low:+.4f} to {entry.high:+.4f}, "
        f"verdict {entry.verdict}"
        if pd.notna(entry.low)
        else f"{entry.model} against {entry.against}: {entry.verdict}"
        for entry in comparisons.itertuples()
    ]
    return (
        "Forest plot of the difference in held-out loss, in nats per token, with confidence intervals; the shaded "
        f"band within {margin:.4f} of zero is the margin of equivalence. {'; '.join(words)}."
    ).replace("-", "−")


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
        axes.plot(x, rows["mean"], color=look.colour, linestyle=look.line, marker=marker, markevery=every, label=model)


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
