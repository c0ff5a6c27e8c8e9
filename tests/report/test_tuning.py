"""All trials are read, the choice is the training's own, and a trial that is not what it should be is refused."""

from __future__ import annotations

import pytest
from tests.report.conftest import change_params

from resnetbk.errors import UserError
from resnetbk.report.loading import load_results
from resnetbk.report.tables.tuning import trials_table
from resnetbk.report.tuning import load_tuning

FILE = "metrics/tune/mamba/0.006.json"


def test_every_trial_is_there_and_the_best_one_chosen(measured, params):
    tuning = load_tuning(params, "mamba", root=measured)
    rates = [(trial.learning_rate, trial.weight_decay) for trial in tuning.trials]
    assert rates == [(rate, decay) for rate in params.tune.learning_rates for decay in params.tune.weight_decays]
    assert (tuning.chosen.learning_rate, tuning.chosen.weight_decay, tuning.at_edge) == (0.006, 0.01, False)
    assert tuning.chosen.validation_loss == min(trial.validation_loss for trial in tuning.trials)
    assert load_tuning(params, "mamba_normed", root=measured).at_edge


@pytest.mark.parametrize(
    ("seeds", "says"),
    [([1000], "with seed 1000, "), ([7, 8], "with each of the seeds 7, 8, whose mean is shown, ")],
)
def test_the_table_says_which_seeds_a_trial_has(measured, params, seeds, says):
    tune = params.tune.model_copy(update={"seeds": seeds})
    assert says in trials_table(load_results(params, measured), tune).caption


def test_another_loss_makes_another_choice(root, params, edit):
    edit(FILE, lambda d: d["trials"][1].update(validation_loss=1.0))
    assert load_tuning(params, "mamba", root=root).chosen.weight_decay == 0.1


def test_rates_in_numbers_leave_no_choice_and_all_trials(measured, params):
    fixed = change_params(params, train={"learning_rate": 0.006, "weight_decay": 0.1})
    tuning = load_tuning(fixed, "transformer", root=measured)
    assert tuning.chosen is None and not tuning.at_edge and len(tuning.trials) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("trials"), r"0\.006\.json: trials: Field required"),
        (lambda d: d["trials"][0].update(validation_loss=None), r"0\.006\.json: trials\.0: .*diverged_at"),
        (lambda d: d["trials"][0].update(diverged_at=3), r"0\.006\.json: trials\.0: .*diverged_at"),
        (lambda d: d["trials"].pop(), r"0\.006\.json: not the trials that tune in params\.yaml asks of mamba"),
        (lambda d: d.update(steps=7), r"0\.006\.json: not the trials that tune in params\.yaml asks of mamba"),
    ],
)
def test_a_broken_trial_is_refused(root, params, edit, change, message):
    edit(FILE, change)
    with pytest.raises(UserError, match=message):
        load_tuning(params, "mamba", root=root)


def test_a_missing_trial_and_a_stranger_are_refused(root, params):
    (root / FILE).rename(root / "metrics/tune/mamba/0.5.json")
    with pytest.raises(UserError, match=r"tune/mamba/0\.006\.json: not found"):
        load_tuning(params, "mamba", root=root)
    (root / FILE).write_text((root / "metrics/tune/mamba/0.5.json").read_text())
    with pytest.raises(UserError, match=r"tune/mamba/0\.5\.json: left by a learning rate"):
        load_tuning(params, "mamba", root=root)
    (root / FILE).write_text("{")
    with pytest.raises(UserError, match=r"tune/mamba/0\.006\.json: not valid JSON"):
        load_tuning(params, "mamba", root=root)
