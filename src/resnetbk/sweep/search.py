"""The search itself: trials are proposed, run side by side as DVC experiments, and their losses told."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from optuna import Study
from optuna.trial import FrozenTrial
from ruamel.yaml import YAML

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE, load_params
from resnetbk.pipeline.checkout import git, require_repository
from resnetbk.repro.repository import main_root
from resnetbk.sweep.experiment import Experiment, experiment_commit
from resnetbk.sweep.objective import objective_model, validation_loss
from resnetbk.sweep.space import Space, parse_space
from resnetbk.sweep.study import DIVERGED, Sampler, alone, ask, open_study, tell, unfinished
from resnetbk.sweep.table import best_trial, describe
from resnetbk.tracking.journals import journal_outcome, open_journals, read_journal
from resnetbk.training.interruption import stop_signals

POLL = 0.5  # seconds


class Settings(NamedTuple):
    """What makes a sweep: with the same settings its trials try the same values (one at a time)."""

    name: str
    overrides: list[str]
    sampler: Sampler = "tpe"
    seed: int = 0
    model: str | None = None


def search(settings: Settings, *, trials: int, jobs: int = 1) -> Study:
    """Run a sweep until it has had so many trials, and print each outcome; a stopped one goes on.

    **Arguments:** `trials`: in all, those of earlier calls and failed ones included; `jobs`: experiments at once.
    **Returns:** Optuna's study; a diverged trial has an infinite loss, a failed one none.
    **Raises:** `UserError` for a search space that params.yaml does not allow, a sweep that is running already or
    began as another one, code or parameters that changed meanwhile; `SystemExit` after SIGTERM or Ctrl-C, which
    the trainings get too, so that they save first.
    """
    require_repository()
    params = load_params()
    document = YAML(typ="safe", pure=True).load(PARAMS_FILE.read_text(encoding="utf-8"))
    space = parse_space(settings.overrides, document)
    model = objective_model(space.searched, params, settings.model)
    words = {**settings._asdict(), "model": model, **_origin()}
    root = main_root()
    with alone(root, settings.name), stop_signals() as stopped:
        sweep = _Sweep(open_study(root, settings.name, words), words, space, document)
        sweep.run(trials, jobs, stopped)
        if stopped():
            print(
                f"Stopped. What is finished is kept; run `resnetbk sweep run {settings.name} ...` again to go on."
            )
            sys.exit(128 + stopped())
    return sweep.study


class _Sweep:
    """A sweep that runs: its study, what it is in `words`, its space, and the experiments under way."""

    def __init__(self, study: Study, words: dict[str, Any], space: Space, document: dict[str, Any]) -> None:
        self.study, self._words, self._space, self._document = study, words, space, document
        self._under_way: dict[int, tuple[FrozenTrial, Experiment]] = {}

    def run(self, trials: int, jobs: int, stopped: Any) -> None:
        left = unfinished(self.study)
        moved = False
        while True:
            while not stopped() and not moved and len(self._under_way) < jobs:
                if not left and len(self.study.get_trials(deepcopy=False)) >= trials:
                    break
                if moved := any(self._words[name] != found for name, found in _origin().items()):
                    break
                self._begin(left.pop(0) if left else self._new())
            if not self._under_way:
                break
            time.sleep(POLL)
            for trial, experiment in list(self._under_way.values()):
                if stopped():
                    experiment.interrupt(stopped())
                if experiment.ended():
                    del self._under_way[trial.number]
                    self._end(trial, experiment, bool(stopped()))
        if moved:
            raise UserError(
                "the code or the parameters changed while the sweep ran, so that further trials would not be "
                f"comparable. Nothing is lost: go back to them (commit {self._words['commit'][:12]}) and run again"
            )

    def _new(self) -> FrozenTrial:
        return ask(self.study, self._space.searched, self._words["sampler"], self._words["seed"])

    def _begin(self, trial: FrozenTrial) -> None:
        print(f"{self._name(trial)}: {describe(trial)}", flush=True)
        try:
            self._space.params(self._document, trial.params)
        except UserError as error:
            self._tell(trial, None, str(error))
            return
        log = main_root() / ".resnetbk" / "sweeps" / f"{self._name(trial)}.log"
        experiment = Experiment(self._name(trial), self._space.overrides(trial.params), log)
        self._under_way[trial.number] = trial, experiment

    def _end(self, trial: FrozenTrial, experiment: Experiment, stopped: bool) -> None:
        commit = experiment_commit(self._words["commit"], experiment.name)
        if commit:
            seeds = self._space.params(self._document, trial.params).run.seeds
            self._tell(trial, validation_loss(commit, self._words["model"], seeds))
        elif diverged(main_root(), experiment.name):
            self._tell(trial, DIVERGED, experiment.error())
        elif not stopped:  # a stopped one stays open, and goes on when the sweep is run again
            self._tell(trial, None, experiment.error())

    def _tell(self, trial: FrozenTrial, loss: float | None, error: str | None = None) -> None:
        tell(self.study, trial, loss, error)
        outcome = "failed" if loss is None else "diverged" if loss == DIVERGED else f"{loss:.4f} nats per token"
        best = best_trial(self.study)
        said = f"; best so far {best.value:.4f} ({self._name(best)})" if best else ""
        print(f"{self._name(trial)}: {outcome}{f': {error}' if error else ''}{said}", flush=True)

    def _name(self, trial: FrozenTrial) -> str:
        return f"{self._words['name']}-{trial.number}"


def _origin() -> dict[str, str]:
    """Return what DVC copies for an experiment: the commit, and a hash of how tracked files differ from it."""
    changes = git("diff", "HEAD", "--no-ext-diff", "--no-textconv", "--binary")
    return {"commit": git("rev-parse", "HEAD"), "changes": hashlib.sha256(changes.encode()).hexdigest()}


def diverged(root: Path, experiment: str) -> bool:
    """Return whether a training of an experiment left the numbers, by its journal."""
    for path in open_journals(root):
        records, _ = read_journal(path)
        begun = records and (records[0]["stage"], records[0]["experiment"])
        if begun == ("train", experiment) and journal_outcome(records) == "diverged":
            return True
    return False
