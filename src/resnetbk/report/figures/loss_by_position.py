"""Held-out loss along the context."""

from __future__ import annotations

import pandas as pd

from resnetbk.report.figures.layout import axes_legend, lines, loss_panel
from resnetbk.report.numbers import fixed
from resnetbk.report.style import INK
from resnetbk.report.svg import to_svg


def loss_by_position(positions: pd.DataFrame, references: pd.DataFrame, models: list[str]) -> bytes:
    """Draw held-out loss against the position in the context, with the spread over seeds.

    **Arguments:** `positions`: columns model, position (first of its bucket), mean, lowest, highest (nats per
    token); `references`: columns name, loss, drawn as level lines; `models`: run.models.
    **Returns:** the SVG file.
    """
    with loss_panel(positions) as (figure, axes):
        lines(axes, positions, "position", models)
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
        axes.set_xlabel("Position in the context, tokens")
        axes_legend(figure, axes)
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
