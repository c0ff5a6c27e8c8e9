"""The learning rate and weight decay that a model trains with: those of its best trial."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.params.training import Train, Tune

FOLDER = "metrics/tune"
TUNED = "tuned"


def chosen(params: Params, model: str, *, root: Path) -> tuple[Train, dict[str, Any] | None]:
    """Put the numbers of a model's best trial where `train` says `tuned`.

    **Arguments:** `model`: its name; `root`: the repository, with the trials under metrics/tune/.
    **Returns:** `params.train` in numbers, and the record of the tuning: `trials` and `tokens` of all of them, and
    what `best_trial` returns. The record is None when params.yaml fixes both numbers.
    **Raises:** `UserError` when a trial is missing or is none of `tune`'s, or every one diverged.
    """
    config = params.train
    if TUNED not in (config.learning_rate, config.weight_decay):
        return config, None
    files = read_trials(root / FOLDER / model, model, params.tune)
    trials = [trial for file in files for trial in file["trials"]]
    best = best_trial(trials, params.tune)
    if best is None:
        raise UserError(
            f"{root / FOLDER / model}: all {len(trials)} trials of {model} diverged; "
            "give tune.learning_rates lower ones in params.yaml"
        )
    record = {"trials": len(trials), "tokens": sum(file["tokens"] for file in files), **best}
    tuned = {key: best[key] for key in ("learning_rate", "weight_decay") if getattr(config, key) == TUNED}
    return config.model_copy(update=tuned), record


def outcome(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a trial's outcome: its mean `validation_loss`, or where one of its `runs` was the first to diverge.

    **Arguments:** `runs`: of each seed its `validation_loss` and `diverged_at`, one of them None.
    """
    diverged = [run["diverged_at"] for run in runs if run["diverged_at"] is not None]
    losses = [run["validation_loss"] for run in runs]
    return {
        "validation_loss": None if diverged else math.fsum(losses) / len(losses),
        "diverged_at": min(diverged, default=None),
        "runs": runs,
    }


def best_trial(trials: list[dict[str, Any]], tune: Tune) -> dict[str, Any] | None:
    """Return the rates of the trial with the lowest validation loss; of equals, the lower ones.

    **Arguments:** `trials`: each with `learning_rate`, `weight_decay` and `validation_loss`, None if it diverged.
    **Returns:** `learning_rate`, `weight_decay`, and whether the former is `at_edge`: the lowest or highest of
    those tried, beyond which a better one may lie. None when every trial diverged.
    """
    finished = [trial for trial in trials if trial["validation_loss"] is not None]
    if not finished:
        return None
    order = ("validation_loss", "learning_rate", "weight_decay")
    best = min(finished, key=lambda trial: [trial[key] for key in order])
    rates = tune.learning_rates
    at_edge = len(rates) > 1 and best["learning_rate"] in (rates[0], rates[-1])
    return {"learning_rate": best["learning_rate"], "weight_decay": best["weight_decay"], "at_edge": at_edge}


def read_trials(folder: Path, model: str, tune: Tune) -> list[dict[str, Any]]:
    """Return the content of the trial files of one model, in the order of `tune.learning_rates`.

    **Raises:** `UserError` naming what is missing, what is too much, or what does not hold the trials of `tune`.
    """
    names = {f"{rate}.json": rate for rate in tune.learning_rates}
    found = {path.name for path in folder.glob("*.json")}
    for name in names:
        if name not in found:
            raise UserError(
                f"{folder / name}: not found. Run: dvc repro tune@{model}-{name.removesuffix('.json')}"
            )
    if strangers := sorted(found - set(names)):
        paths = " ".join(str(folder / name) for name in strangers)
        raise UserError(
            f"{paths}: left by a learning rate that tune.learning_rates does not name. Run: rm {paths}"
        )
    files = []
    for name, rate in names.items():
        file = json.loads((folder / name).read_text(encoding="utf-8"))
        tried = [(trial["learning_rate"], trial["weight_decay"]) for trial in file["trials"]]
        wanted = [(rate, decay) for decay in tune.weight_decays]
        if (file["model"], file["seeds"], file["steps"], tried) != (model, tune.seeds, tune.steps, wanted):
            raise UserError(
                f"{folder / name}: not the trials that tune in params.yaml asks of {model}. "
                f"Run: dvc repro --force --single-item tune@{model}-{rate}"
            )
        files.append(file)
    return files
