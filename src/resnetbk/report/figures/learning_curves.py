"""Loss during training."""

from __future__ import annotations

import pandas as pd
from matplotlib.ticker import FuncFormatter

from resnetbk.report.figures.layout import WIDTH, axes_below, axes_legend, legend_height, lines
from resnetbk.report.numbers import fixed
from resnetbk.report.svg import drawing, to_svg


def learning_curves(validation: pd.DataFrame, training: pd.DataFrame, models: list[str]) -> bytes:
    """Draw validation loss above training loss against tokens seen, each with its spread over seeds.

    **Arguments:** `validation`, `training`: columns model, tokens, mean, lowest, highest (nats per token), rows in
    the order of tokens; `models`: run.models, which fixes colours and the legend's order.
    **Returns:** the SVG file.
    """
    above = legend_height(validation)
    with drawing(WIDTH, 5.3 + above) as figure:
        upper = axes_below(figure, top=above + 0.3, height=2.6)
        lower = axes_below(figure, top=above + 3.25, height=1.6, share=upper)
        lines(upper, validation, "tokens", models)
        lines(lower, training, "tokens", models, markers=False)
        upper.set_title("Validation loss, nats per token")
        lower.set_title("Training loss, nats per token (running mean)")
        upper.tick_params(labelbottom=False)
        lower.set_xlabel("Training tokens seen")
        lower.xaxis.set_major_formatter(FuncFormatter(_thousands))
        lower.set_xlim(left=0)
        axes_legend(figure, upper)
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


def _thousands(value: float, _position: int) -> str:
    return f"{value / 1000:,.0f}k" if value else "0"
