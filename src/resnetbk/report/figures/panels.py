"""Small panels of one scale, two a row."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnetbk.report.figures.layout import LEFT, RIGHT, WIDTH

_COLUMNS = 2
_GAP, _PANEL, _BETWEEN, _BOTTOM = 0.2, 1.35, 0.5, 0.5  # between two rows stand ticks and titles


def height(count: int, *, top: float) -> float:
    """Return the height of a figure of `count` panels below `top` inches."""
    return top + _rows(count) * (_PANEL + _BETWEEN) - _BETWEEN + _BOTTOM


def place(figure: Figure, count: int, *, top: float, share_x: bool = True) -> list[Axes]:
    """Place `count` panels row by row, all with the first one's y axis; shared axes have their numbers outermost.

    **Arguments:** `top`: inches above the first row's axes; `share_x`: whether all have its x axis too.
    """
    width, total = figure.get_size_inches()
    wide = (WIDTH - LEFT - RIGHT - _GAP) / _COLUMNS
    grid: list[Axes] = []
    for number in range(count):
        row, column = divmod(number, _COLUMNS)
        left, upper = LEFT + column * (wide + _GAP), top + row * (_PANEL + _BETWEEN)
        corner = (left / width, (total - upper - _PANEL) / total, wide / width, _PANEL / total)
        first = grid[0] if grid else None
        axes = figure.add_axes(corner, sharex=first if share_x else None, sharey=first)
        axes.tick_params(labelleft=column == 0, labelbottom=number + _COLUMNS >= count)
        grid.append(axes)
    return grid


def _rows(count: int) -> int:
    return -(-count // _COLUMNS)
