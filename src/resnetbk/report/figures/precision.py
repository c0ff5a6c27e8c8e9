"""Held-out loss with weights of fewer bits."""

from __future__ import annotations

import pandas as pd

from resnetbk.report.figures.layout import axes_legend, lines, loss_panel
from resnetbk.report.numbers import fixed, signed
from resnetbk.report.svg import to_svg


def loss_by_precision(losses: pd.DataFrame, precisions: list[str], models: list[str]) -> bytes:
    """Draw the loss at each precision, as a line a model.

    **Arguments:** `losses`: columns model, precision (its place in `precisions`), mean, lowest, highest (nats per
    token); `precisions`: names in order; `models`: run.models.
    **Returns:** the SVG file.
    """
    with loss_panel(losses, height=2.5, below=0.9) as (figure, axes):
        lines(axes, losses, "precision", models)
        axes.set_xticks(range(len(precisions)), precisions, rotation=40, ha="right", rotation_mode="anchor")
        axes_legend(figure, axes)
        return to_svg(figure, "Loss by precision", describe_precision(losses, precisions))


def describe_precision(losses: pd.DataFrame, precisions: list[str]) -> str:
    """Say in words what each model loses from the first precision to the last that is finite."""
    words = []
    for model, rows in losses.groupby("model", sort=False):
        first, last = rows.iloc[0], rows.iloc[-1]
        words.append(
            f"{model} {fixed(first['mean'], 3)} at {precisions[int(first.precision)]}, "
            f"{signed(last['mean'] - first['mean'], 3)} at {precisions[int(last.precision)]}"
        )
    return (
        "Line chart of held-out loss against the precision of weights and activations, one line a model, with a "
        f"band from the lowest to the highest seed. In nats per token: {'; '.join(words)}."
    )
