"""What every figure shares: its width, where its axes and its legend stand, and how a line is drawn.

Margins are given in inches, not found by a solver, so that a figure's layout is plain arithmetic. Figures are
narrow: shown at the width of a phone, their text is still read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnetbk.report.style import series_style
from resnetbk.report.svg import drawing

WIDTH = 4.5
LEFT, RIGHT = 0.5, 0.1
_LEGEND_ROW = 0.2


@contextmanager
def loss_panel(frame: pd.DataFrame, *, height: float = 2.7, below: float = 0.5) -> Iterator[tuple[Figure, Axes]]:
    """Give a figure with one panel for the held-out loss of the frame's models, and that panel.

    **Arguments:** `height`: of the panel; `below`: for its ticks and label; inches.
    """
    above = legend_height(frame)
    with drawing(WIDTH, 0.3 + height + below + above) as figure:
        axes = axes_below(figure, top=above + 0.3, height=height)
        axes.set_title("Held-out loss, nats per token")
        yield figure, axes


def axes_below(figure: Figure, *, top: float, height: float, share: Axes | None = None) -> Axes:
    """Place axes `top` inches below the figure's upper edge."""
    width, total = figure.get_size_inches()
    place = (LEFT / width, (total - top - height) / total, (width - LEFT - RIGHT) / width, height / total)
    return figure.add_axes(place, sharex=share)


def lines(axes: Axes, frame: pd.DataFrame, along: str, models: list[str], *, markers: bool = True) -> None:
    """Draw one line with its band for each model."""
    for place, model in enumerate(models):
        look, rows = series_style(place), frame[frame.model == model]
        if rows.empty:
            continue
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


def legend_height(frame: pd.DataFrame) -> float:
    """Return the inches that the legend of the frame's models takes above the axes."""
    return _LEGEND_ROW * ((frame.model.nunique() + 1) // 2)


def axes_legend(figure: Figure, axes: Axes) -> None:
    """Name the lines above the axes, two a row, in the order of run.models when read row by row."""
    handles, labels = axes.get_legend_handles_labels()
    order = [*range(0, len(handles), 2), *range(1, len(handles), 2)]  # Matplotlib fills column by column
    figure.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        ncols=2,
        loc="upper left",
        bbox_to_anchor=(LEFT / WIDTH - 0.02, 1),
        borderaxespad=0,
        columnspacing=2,
    )
