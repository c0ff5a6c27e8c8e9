"""The points of the figures as tidy CSV, which `dvc plots show` and `dvc plots diff` draw by .dvc/plots/."""

from __future__ import annotations

import pandas as pd

from resnetbk.report.battery import Battery
from resnetbk.report.battery_frames import accuracy_frame, reach_frame, windows_frame
from resnetbk.report.frames import cost_frames, pair_frames, scaling_frame, state_frame, trials_frame
from resnetbk.report.loading import Results
from resnetbk.report.numbers import MINUS


def tidy_files(
    results: Results, validation: pd.DataFrame, training: pd.DataFrame, positions: pd.DataFrame
) -> dict[str, bytes]:
    """Return the points of every figure by the path of their file; of a figure that was not drawn, none.

    **Arguments:** `validation`, `training`, `positions`: the curves, with columns mean, lowest and highest.
    **Returns:** CSV in UTF-8, floats in full, nothing where there is no value.
    """
    pairs, _ = pair_frames(results)
    operations, _ = cost_frames(results, validation)["operations"]
    frames = {
        "learning_curves": _named(validation, ["step", "tokens"], "validation_loss"),
        "training_loss": _named(training, ["step", "tokens"], "training_loss"),
        "loss_by_position": _named(positions, ["position"], "loss"),
        "learning_rates": trials_frame(results)[["learning_rate", "weight_decay", "validation_loss", "model"]],
        "comparison": pairs.assign(test=pairs.model + f" {MINUS} " + pairs.against)[
            ["test", "difference", "low", "high", "margin", "verdict", "model"]
        ],
        "operations": _named(operations.rename(columns={"cost": "operations"}), ["operations"], "validation_loss"),
        "state_size": state_frame(results)[["state_size", "loss", "model"]],
        "scaling": _named(scaling_frame(results), ["parameters"], "loss"),
        **_battery(results.battery),
    }
    return {f"plots/{name}.csv": _csv(frame) for name, frame in frames.items()}


def _battery(battery: Battery) -> dict[str, pd.DataFrame]:
    return {
        "tasks": _named(accuracy_frame(battery), ["task", "length"], "accuracy"),
        "windows": _named(windows_frame(battery), ["tokens"], "loss"),
        "receptive_field": _named(reach_frame(battery), ["tokens"], "share"),
    }


def _named(frame: pd.DataFrame, along: list[str], value: str) -> pd.DataFrame:
    """Return a curve with its mean under the name of what was measured."""
    return frame.rename(columns={"mean": value})[[*along, value, "lowest", "highest", "model"]]


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()
