"""Loss against what it costs: operations spent, seconds spent, bytes of state."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from resnetbk.report.figures.layout import WIDTH, axes_below, axes_legend, legend_height, lines
from resnetbk.report.numbers import fixed
from resnetbk.report.style import INK, series_style
from resnetbk.report.svg import drawing, to_svg

_PANEL, _STEP = 2.0, 2.85


def views(spent: dict[str, tuple[pd.DataFrame, float]], states: pd.DataFrame, models: list[str]) -> bytes:
    """Draw validation loss against each cost, with the common budget, and held-out loss against the state's size.

    **Arguments:** `spent`: by name of the cost (`operations`, `seconds`) a frame with columns model, cost, mean,
    lowest, highest (nats per token) and the budget; `states`: columns model, state_size (bytes), loss; `models`:
    run.models.
    **Returns:** the SVG file.
    """
    top = legend_height(states) + 0.3
    with drawing(WIDTH, top + _STEP * len(spent) + _PANEL + 0.5) as figure:
        grid = [axes_below(figure, top=top + _STEP * row, height=_PANEL) for row in range(len(spent) + 1)]
        for axes, (unit, (frame, budget)) in zip(grid, spent.items(), strict=False):
            lines(axes, frame, "cost", models)
            axes.axvline(budget, color=INK, linewidth=1, linestyle=(0, (2, 2)))
            axes.annotate(
                "budget",
                (budget, 1),
                (-3, -2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right",
                va="top",
                rotation=90,
            )
            axes.set_title(f"Validation loss against {unit} spent")
            axes.set_xlabel(f"{unit.capitalize()} of the training")
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
            axes.set_xlim(left=0)
        _by_state(grid[-1], states, models)
        axes_legend(figure, grid[0])
        return to_svg(figure, "Loss against cost", describe_views(spent, states))


def describe_views(spent: dict[str, tuple[pd.DataFrame, float]], states: pd.DataFrame) -> str:
    """Say in words where the budgets lie and how large the states are."""
    budgets = [f"the common budget is {budget:.4g} {unit}" for unit, (_, budget) in spent.items()]
    sizes = [
        f"{row.model} {fixed(row.state_size, 0)} bytes, loss {fixed(row.loss, 3)}" for row in states.itertuples()
    ]
    return (
        "Line charts of validation loss in nats per token against what the training has cost, one line a model; "
        f"{'; '.join(budgets)}. Below, held-out loss against the bytes of state of one sequence: "
        f"{'; '.join(sizes)}."
    )


def _by_state(axes: Axes, states: pd.DataFrame, models: list[str]) -> None:
    for row in states.itertuples():
        look = series_style(models.index(row.model))
        axes.plot(row.state_size, row.loss, look.marker, color=look.colour, markersize=8)
    axes.set_xscale("symlog", linthresh=1)  # a state of no bytes has a place too
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.margins(0.15)
    axes.set_title("Held-out loss against the state's size")
    axes.set_xlabel("State of one sequence, bytes")
