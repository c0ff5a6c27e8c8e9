"""A trial is a short training like any other: repeatable, the same budget for all, and its failure is recorded."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.training.forked import Forked
from tests.training.small_cell import make_root, small_params, states

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.tracking.journals import open_journals, read_journal
from resnetbk.tuning.trials import run_trials, trial_config


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_root(tmp_path))
    return tmp_path


def params(**tune: object) -> Params:
    small = small_params()
    update = {"weight_decays": [0.0, 0.9], "steps": 4, "warmup_steps": 1, "validation_batches": 2, **tune}
    run = small.run.model_copy(update={"determinism": "fast"})  # a level would last beyond these tests
    return small.model_copy(update={"run": run, "tune": small.tune.model_copy(update=update)})


def corrupt(root: Path, split: str) -> None:
    path = root / f"data/corpus/{split}.tokens"
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))


def test_every_trial_is_scored_on_validation_and_none_leaves_a_state(root: Path):
    made = run_trials(params(), "transformer", 1e-2, root=root)
    assert [(trial["learning_rate"], trial["weight_decay"]) for trial in made["trials"]] == [
        (1e-2, 0.0),
        (1e-2, 0.9),
    ]
    assert made["tokens"] == 2 * 4 * 2 * 12
    first, second = made["trials"]
    assert 0 < first["validation_loss"] != second["validation_loss"] > 0
    for trial in made["trials"]:
        (run,) = trial["runs"]
        assert [row["step"] for row in run["history"] if "loss" in row] == [1, 2, 3, 4]
        assert run["history"][-1]["validation_loss"] == run["validation_loss"] == trial["validation_loss"]
    assert states(root) == []
    assert run_trials(params(), "transformer", 1e-2, root=root) == made


def test_a_trial_is_trained_with_each_seed(root: Path):
    one, other = (run_trials(params(seeds=[seed]), "transformer", 1e-2, root=root) for seed in (1000, 1001))
    both = run_trials(params(seeds=[1000, 1001]), "transformer", 1e-2, root=root)
    assert both["tokens"] == one["tokens"] + other["tokens"]
    for trial, *alone in zip(both["trials"], one["trials"], other["trials"], strict=True):
        assert trial["runs"] == [run for single in alone for run in single["runs"]]
        losses = [single["validation_loss"] for single in alone]
        assert losses[0] != losses[1]
        assert trial["validation_loss"] == pytest.approx(sum(losses) / 2)


def test_the_test_split_is_never_read(root: Path):
    corrupt(root, "test")
    run_trials(params(), "transformer", 1e-2, root=root)
    corrupt(root, "validation")  # the control: what is read is checked
    with pytest.raises(UserError, match="validation"):
        run_trials(params(), "transformer", 1e-2, root=root)


def test_a_trial_that_diverges_is_recorded_with_its_step(root: Path):
    made = run_trials(params(weight_decays=[0.1, 1e30]), "transformer", 1e-2, root=root)
    well, diverged = made["trials"]
    assert well["diverged_at"] is None
    assert diverged["validation_loss"] is None
    assert [run["history"] for run in diverged["runs"]] == [[]]
    assert 1 < diverged["diverged_at"] <= 4
    assert made["tokens"] == 2 * 12 * (4 + diverged["diverged_at"])
    journals = [read_journal(path)[0] for path in open_journals(root)]
    told = {records[0]["trial"]["weight_decay"]: (records[-1]["outcome"], records[-2]) for records in journals}
    assert told[0.1][0] == "finished" and told[0.1][1]["metrics"]["validation/loss"] == well["validation_loss"]
    outcome, last = told[1e30]
    assert (outcome, last["step"]) == ("diverged", diverged["diverged_at"])
    assert sum(last["metrics"].values()) > 0, "elements that are not finite"
    assert all(records[0]["cell"] == "transformer-0.01" for records in journals)


def test_a_trial_differs_from_the_training_in_length_rates_and_validation_alone():
    small = params()
    trial, training = trial_config(small, 1e-3, 0.5).model_dump(), small.train.model_dump()
    differing = {key for key in trial if trial[key] != training[key]}
    assert differing <= {
        *("steps", "warmup_steps", "learning_rate", "weight_decay"),
        *("validation_interval", "validation_batches", "log_interval", "checkpoint_interval"),
    }


def work(root: Path) -> None:
    run_trials(params(steps=40), "transformer", 1e-2, root=root)


def test_a_trial_that_is_killed_goes_on_where_it_was_saved(root: Path):
    killed = Forked(root / "errors", work, root)
    killed.wait_until(lambda: states(root))
    killed.send(signal.SIGKILL)
    killed.wait()
    assert Forked(root / "errors", work, root).wait()[0] == 0
    begun = [(begin["trial"]["weight_decay"], begin["from_step"]) for begin in begins(root)]
    assert begun in ([(0.0, 0), (0.0, 10 * k), (0.9, 0)] for k in (1, 2, 3))
    assert states(root) == []


def begins(root: Path) -> list[dict]:
    """Return how each training began, in the order of time."""
    return sorted((read_journal(path)[0][0] for path in open_journals(root)), key=lambda record: record["time"])
