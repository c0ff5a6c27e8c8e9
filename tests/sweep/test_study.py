"""A sweep's memory: what it tries does not depend on when it was stopped, and no outcome is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="sweeps need Optuna: pip install -e '.[sweep]'")

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers import RandomSampler

from resnetbk.errors import UserError
from resnetbk.sweep.study import DIVERGED, alone, ask, errors, open_study, tell, unfinished
from resnetbk.sweep.table import best_trial, table

SPACE = {"rate": FloatDistribution(1e-4, 1e-2, log=True), "heads": CategoricalDistribution((4, 8))}
SCRIPT = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.sweep.test_study import go_on

left = int(sys.argv[3])

@event.listens_for(Engine, "commit")
def be_killed(connection):  # just before the database would have it
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

go_on(Path(sys.argv[1]), sys.argv[2], 14)
"""


def words(name: str) -> dict:
    return {"name": name, "model": "resnet_bk", "sampler": "tpe", "seed": 0}


def go_on(root: Path, name: str, trials: int, *, seed: int = 0) -> list[dict]:
    """Bring a sweep of a known function to so many trials, a stopped one too, and return what it tried."""
    study = open_study(root, name, words(name))
    while len(study.trials) < trials or unfinished(study):
        trial = (unfinished(study) or [None])[0] or ask(study, SPACE, "tpe", seed)
        tell(study, trial, abs(trial.params["rate"] - 3e-3))
    return [trial.params for trial in study.trials]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of sweeps, whose tables take a second."""
    path = tmp_path_factory.mktemp("sweeps")
    (path / ".resnetbk").mkdir()
    return path


def test_a_sweep_that_is_stopped_and_resumed_tries_the_same(root: Path):
    at_once = go_on(root, "at_once", 12)  # the first ten are drawn at random, the others by what they gave
    for trials in (2, 11, 12):
        resumed = go_on(root, "resumed", trials)
    study = open_study(root, "resumed", words("resumed"))
    assert resumed == at_once
    assert len({trial["rate"] for trial in resumed}) == 12
    assert go_on(root, "other_seed", 2, seed=1) != at_once[:2]
    best = min(resumed, key=lambda tried: abs(tried["rate"] - 3e-3))
    assert best_trial(study).params == best


def test_control_a_sampler_that_is_made_anew_at_a_resume_would_repeat_itself():
    tried = []
    for _ in range(2):
        study = optuna.create_study(sampler=RandomSampler(seed=0))
        tried.append(study.ask(SPACE).params)
    assert tried[0] == tried[1]


def test_diverged_and_failed_trials_are_outcomes(root: Path):
    study = open_study(root, "outcomes", words("outcomes"))
    for loss, error in ((2.5, None), (DIVERGED, "ERROR in train: loss is nan"), (None, "ERROR: the disk is full")):
        tell(study, ask(study, SPACE, "random", 0), loss, error)
    ask(study, SPACE, "random", 0)
    assert best_trial(study).number == 0
    assert [trial.number for trial in unfinished(study)] == [3]
    assert errors(study) == {"1": "ERROR in train: loss is nan", "2": "ERROR: the disk is full"}
    said = table(study).splitlines()
    assert [line.split()[:2] for line in said[:4]] == [
        ["outcomes-0", "2.5000"],
        ["outcomes-1", "diverged"],
        ["outcomes-2", "failed"],
        ["outcomes-3", "unfinished"],
    ]
    assert said[2].endswith("the disk is full")
    assert said[4].endswith("dvc exp apply outcomes-0")


def test_a_sweep_is_not_continued_as_another_one(root: Path):
    open_study(root, "rates", words("rates"))
    with pytest.raises(UserError, match="began with another seed"):
        open_study(root, "rates", words("rates") | {"seed": 7})
    with pytest.raises(UserError, match="no sweep is named 'rate'; did you mean 'rates'"):
        open_study(root, "rate")


def test_a_sweep_runs_once_at_a_time(root: Path):
    with alone(root, "busy"):
        with pytest.raises(UserError, match="running already"):
            with alone(root, "busy"):
                pass
        with alone(root, "another"):
            pass
    with alone(root, "busy"):
        pass


@pytest.mark.nightly
def test_a_sweep_that_is_killed_again_and_again_tries_the_same(tmp_path: Path):
    for name in ("killed", "undisturbed"):
        (tmp_path / name / ".resnetbk").mkdir(parents=True)
    ended = []
    for commits in [*range(1, 40, 3), 0]:  # the last is not killed
        process = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "killed"), "a", str(commits)])
        ended.append(process.returncode)
    assert set(ended[:-1]) <= {-signal.SIGKILL, 0}
    assert ended.count(-signal.SIGKILL) >= 5
    assert ended[-1] == 0
    assert go_on(tmp_path / "killed", "a", 14) == go_on(tmp_path / "undisturbed", "a", 14)
