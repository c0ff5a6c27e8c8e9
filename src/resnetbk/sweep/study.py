"""A sweep's memory: Optuna's study in SQLite, which a kill at any instant leaves whole.

What a trial tries follows from the sweep's seed, the trial's number and the results told before it. So a sweep of
one trial at a time that was killed and resumed tries what an undisturbed one tries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from resnetbk.errors import UserError
from resnetbk.params.faults import near

Sampler = Literal["tpe", "random"]
WORDS, ERRORS = "sweep", "errors"  # names of Optuna's user attributes
DIVERGED = float("inf")  # the loss of a training that left the numbers: no trial is worse


def _database(root: Path) -> Path:
    """Return the file of all sweeps of a repository."""
    return root / ".resnetbk" / "sweeps.db"


@contextmanager
def alone(root: Path, name: str) -> Iterator[None]:
    """Hold the lock of a sweep, which the kernel lets go of when its holder dies.

    **Raises:** `UserError` when another process runs this sweep.
    """
    path = _database(root).with_name(f"sweep-{name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, blocking=False):
            yield
    except Timeout:
        raise UserError(f"the sweep {name} is running already: another process holds {path}") from None


def open_study(root: Path, name: str, words: dict[str, Any] | None = None) -> optuna.Study:
    """Open a sweep, or begin it.

    **Arguments:** `words`: what the sweep is, as JSON; it must be what was said when the sweep began. None opens
    an old sweep whatever it is.
    **Raises:** `UserError` when it is another sweep, or there is none and `words` is None.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if words is None:
        names = optuna.get_all_study_names(_storage(root)) if _database(root).exists() else []
        if name not in names:
            known = near(name, names) if names else "; none was run here yet"
            raise UserError(f"no sweep is named {name!r}{known}")
    study = optuna.create_study(storage=_storage(root), study_name=name, load_if_exists=True)
    begun = study.user_attrs.get(WORDS)
    if begun is None:
        study.set_user_attr(WORDS, words)
    elif words is not None and begun != words:
        changed = ", ".join(key for key in words if words[key] != begun.get(key))
        raise UserError(
            f"the sweep {name} began with another {changed}, so its trials would not be comparable. Give the new "
            f"sweep a name of its own, or go back: it began with {begun}"
        )
    return study


def ask(study: optuna.Study, distributions: dict[str, Any], sampler: Sampler, seed: int) -> FrozenTrial:
    """Return a new trial with its values chosen.

    Optuna stores a trial first and its values one by one. They are drawn in a copy of the study in memory, and
    stored with the trial in one step: a kill leaves a whole trial or none.
    """
    known = study.get_trials()
    own_seed = int(np.random.SeedSequence([seed, len(known)]).generate_state(1)[0])
    drawing = optuna.create_study(sampler=_sampler(sampler, own_seed))
    drawing.add_trials(known)
    chosen = drawing.ask(distributions).params
    study.add_trial(create_trial(state=TrialState.RUNNING, params=chosen, distributions=distributions))
    return study.get_trials()[len(known)]


def unfinished(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that a stopped sweep left without a result."""
    return study.get_trials(states=[TrialState.RUNNING])


def tell(study: optuna.Study, trial: FrozenTrial, loss: float | None, error: str | None = None) -> None:
    """Record what came of a trial: its loss (nats per token), `DIVERGED`, or None and the error of a failure."""
    if error is not None:
        study.set_user_attr(ERRORS, {**errors(study), str(trial.number): error})
    study.tell(trial.number, loss, state=TrialState.FAIL if loss is None else None)


def errors(study: optuna.Study) -> dict[str, str]:
    """Return why trials failed, by their numbers in words."""
    return study.user_attrs.get(ERRORS, {})


def _storage(root: Path) -> RDBStorage:
    return RDBStorage(f"sqlite:///{_database(root).as_posix()}")


def _sampler(name: Sampler, seed: int) -> BaseSampler:
    """Return a sampler of its own for each trial: one that is kept would begin anew after a resume."""
    return RandomSampler(seed=seed) if name == "random" else TPESampler(seed=seed, multivariate=True)
