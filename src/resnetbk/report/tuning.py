"""All trials of a model's tuning, and which of them its training took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resnetbk.params import Params
from resnetbk.report.reading import read_file
from resnetbk.report.shapes.cells import Trial, Trials
from resnetbk.tuning.choice import FOLDER, chosen, read_trials


@dataclass(frozen=True)
class ModelTuning:
    """`chosen`: the best trial, None where params.yaml fixes the rates; `at_edge`: its rate is the lowest or
    highest tried."""

    trials: list[Trial]
    chosen: Trial | None
    at_edge: bool


def load_tuning(params: Params, model: str, *, root: Path) -> ModelTuning:
    """Read the trials of one model and choose as its training did.

    **Arguments:** `params`: the run's; `root`: the repository, with the trials under metrics/tune/.
    **Returns:** the trials, by learning rate and then by weight decay, and the choice.
    **Raises:** `UserError` for a trial that is missing, broken or none of `tune`'s.
    """
    folder = root / FOLDER / model
    for path in sorted(folder.glob("*.json")):
        read_file(path, Trials, "tune")
    files = read_trials(folder, model, params.tune)
    trials = [Trial.model_validate(trial) for file in files for trial in file["trials"]]
    _, record = chosen(params, model, root=root)
    if record is None:
        return ModelTuning(trials, None, False)
    rates = (record["learning_rate"], record["weight_decay"])
    best = next(trial for trial in trials if (trial.learning_rate, trial.weight_decay) == rates)
    return ModelTuning(trials, best, record["at_edge"])
