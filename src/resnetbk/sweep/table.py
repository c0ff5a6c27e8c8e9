"""A sweep in words: its trials, their outcomes, the best of them."""

from __future__ import annotations

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from resnetbk.params.edit import flow
from resnetbk.sweep.study import DIVERGED, WORDS, errors


def best_trial(study: Study) -> FrozenTrial | None:
    """Return the trial with the lowest loss, the earlier of equals; None while none has a finite one."""
    finished = [trial for trial in study.get_trials(states=[TrialState.COMPLETE]) if trial.value != DIVERGED]
    return min(finished, key=lambda trial: trial.value, default=None)


def describe(trial: FrozenTrial) -> str:
    """Return what a trial tries, as one writes overrides."""
    return " ".join(f"{key}={flow(value)}" for key, value in trial.params.items())


def table(study: Study) -> str:
    """Return a line for each trial: the experiment, its validation loss (nats per token), and what it tried."""
    name, best, why = study.user_attrs[WORDS]["name"], best_trial(study), errors(study)
    rows = [
        (f"{name}-{trial.number}", _outcome(trial), describe(trial), why.get(str(trial.number), ""))
        for trial in study.get_trials()
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    lines = [f"{row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {'  '.join(row[2:])}".rstrip() for row in rows]
    if best:
        model = study.user_attrs[WORDS]["model"]
        lines.append(
            f"The lowest validation loss of {model} is that of {name}-{best.number}. "
            f"To take it into the workspace: dvc exp apply {name}-{best.number}"
        )
    return "\n".join(lines)


def _outcome(trial: FrozenTrial) -> str:
    if trial.state == TrialState.COMPLETE:
        return "diverged" if trial.value == DIVERGED else f"{trial.value:.4f}"
    return "unfinished" if trial.state == TrialState.RUNNING else "failed"
