"""Beyond the training length: loss by length, loss along one stream, and how far a prediction looks back."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import EngFormatter

from resnetbk.report.figures.layout import WIDTH, axes_below, axes_legend, legend_height, lines
from resnetbk.report.numbers import fixed
from resnetbk.report.style import INK
from resnetbk.report.svg import drawing, to_svg

_PANEL, _STEP = 1.9, 2.75


def long_context(
    windows: pd.DataFrame, stream: pd.DataFrame, reach: pd.DataFrame, training_length: int, models: list[str]
) -> bytes:
    """Draw loss by length of window, loss by position in the stream, and the share of the gradient by distance.

    **Arguments:** `windows`, `stream`, `reach`: columns model, tokens, mean, lowest, highest (nats per token, but
    shares in `reach`); `training_length`: tokens; `models`: run.models.
    **Returns:** the SVG file.
    """
    top = legend_height(windows) + 0.3
    parts = (
        (windows, "Held-out loss by length, nats per token", "Length of the window, tokens"),
        (stream, "Loss along one stream, nats per token", "Position in the stream, tokens"),
        (reach, "Share of a prediction's gradient", "Distance back from the prediction, tokens"),
    )
    with drawing(WIDTH, top + _STEP * len(parts) - 0.35) as figure:
        grid = [axes_below(figure, top=top + _STEP * row, height=_PANEL) for row in range(len(parts))]
        for axes, (frame, title, along) in zip(grid, parts, strict=True):
            lines(axes, frame, "tokens", models)
            axes.set_xscale("symlog", linthresh=1)  # from position 0 on
            axes.axvline(training_length, color=INK, linewidth=1, linestyle=(0, (2, 2)))
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
            axes.set_title(title)
            axes.set_xlabel(along)
        axes_legend(figure, grid[0])
        return to_svg(figure, "Long context", describe_context(windows, training_length))


def describe_context(windows: pd.DataFrame, training_length: int) -> str:
    """Say in words what each model's loss is at the first and at the last length."""
    words = []
    for model, rows in windows.groupby("model", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        words.append(
            f"{model} {fixed(first['mean'], 3)} at {fixed(first.tokens, 0)} and {fixed(last['mean'], 3)} at "
            f"{fixed(last.tokens, 0)}"
        )
    return (
        "Three line charts, one line a model: held-out loss against the length of the window, loss against the "
        "position in one stream, and the share of a prediction's gradient against the distance back. The "
        f"training length is {fixed(training_length, 0)} tokens. Loss in nats per token by length: "
        f"{'; '.join(words)}."
    )
