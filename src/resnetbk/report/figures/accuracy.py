"""How well models do on each task, at the length of training and beyond."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator, PercentFormatter

from resnetbk.report.figures import panels
from resnetbk.report.figures.layout import WIDTH, axes_legend, legend_height, lines
from resnetbk.report.numbers import percent
from resnetbk.report.style import INK
from resnetbk.report.svg import drawing, to_svg


def accuracy_by_length(scores: pd.DataFrame, chance: dict[str, float], models: list[str]) -> bytes:
    """Draw a panel a task: the share of right answers against the length, with the level of chance.

    **Arguments:** `scores`: columns task, model, length, mean, lowest, highest (shares, over seeds), rows in the
    order of lengths; `chance`: by task, in the order of the panels; `models`: run.models.
    **Returns:** the SVG file.
    """
    top = legend_height(scores) + 0.3
    with drawing(WIDTH, panels.height(len(chance), top=top)) as figure:
        grid = panels.place(figure, len(chance), top=top, share_x=False)
        for axes, (task, level) in zip(grid, chance.items(), strict=True):
            rows = scores[scores.task == task]
            axes.axhline(level, color=INK, linewidth=1, linestyle=(0, (2, 2)))
            lines(axes, rows, "length", models)
            axes.set_title(task)
            _lengths(axes, sorted(set(rows.length)))
        grid[0].set_ylim(0, 1.05)
        grid[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        figure.supxlabel("Length of the sequence, tokens", y=0.01, va="bottom", fontsize="medium")
        axes_legend(figure, grid[0])
        return to_svg(figure, "Accuracy by length", describe_accuracy(scores, chance))


def describe_accuracy(scores: pd.DataFrame, chance: dict[str, float]) -> str:
    """Say in words what each model reaches at the longest sequences of each task."""
    words = []
    for task, level in chance.items():
        rows = scores[scores.task == task]
        longest = rows[rows.length == rows.length.max()]
        found = ", ".join(f"{row.model} {_share(row.mean)}" for row in longest.itertuples())
        words.append(f"{task} (chance {_share(level)}): {found or 'every training diverged'}")
    return (
        "A panel for each task: the share of right answers against the length of the sequence, one line a model, "
        f"with a band from the lowest to the highest seed. At the longest: {'; '.join(words)}."
    )


def _share(value: float) -> str:
    return percent(round(value, 3))


def _lengths(axes: Axes, lengths: list[int]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(lengths))
    axes.xaxis.set_major_formatter(FixedFormatter([str(length) for length in lengths]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(labelbottom=True)
