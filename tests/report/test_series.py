"""Running means and spreads, against arithmetic done by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from resnetbk.report.series import running_mean, spread

FRAME = pd.DataFrame(
    {
        "model": ["b"] * 6 + ["a"] * 3,
        "seed": [0, 0, 0, 1, 1, 1, 0, 0, 0],
        "step": [1, 2, 3] * 3,
        "loss": [4.0, 2.0, 6.0, 8.0, 8.0, 2.0, 1.0, 1.0, 4.0],
    }
)


def test_running_mean_stays_in_its_cell_and_shrinks_at_the_start():
    assert running_mean(FRAME, "loss", 2).loss.tolist() == [4, 3, 4, 8, 8, 5, 1, 1, 2.5]
    assert running_mean(FRAME, "loss", 1).equals(FRAME)


def test_spread_is_over_seeds_in_the_order_of_the_frame():
    rows = spread(FRAME, ["step"], "loss")
    assert rows.model.tolist() == ["b"] * 3 + ["a"] * 3
    assert rows.step.tolist() == [1, 2, 3] * 2
    assert rows["mean"].tolist() == [6, 5, 4, 1, 1, 4]
    assert rows.lowest.tolist() == [4, 2, 2, 1, 1, 4] and rows.highest.tolist() == [8, 8, 6, 1, 1, 4]


def test_mean_does_not_depend_on_the_order_of_seeds():
    frame = pd.DataFrame({"model": "a", "seed": [0, 1, 2], "step": 1, "loss": [0.1, 1e16, -1e16]})
    means = [
        spread(frame.iloc[order], ["step"], "loss")["mean"].item() for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0])
    ]
    assert means == [pytest.approx(0.1 / 3, abs=0)] * 3
