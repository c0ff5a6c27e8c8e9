"""The best trial is chosen by validation alone, and a set of trials that is not whole is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.small_cell import small_params

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.tuning.choice import chosen, outcome

RATES, DECAYS = [1e-3, 1e-2, 1e-1], [0.0, 0.1]
LOSSES = {1e-3: [3.0, 3.1], 1e-2: [2.0, 2.0], 1e-1: [2.5, None]}


def params(**train: object) -> Params:
    small = small_params(learning_rate="tuned", weight_decay="tuned")
    tune = small.tune.model_copy(update={"learning_rates": RATES, "weight_decays": DECAYS, "steps": 5})
    return small.model_copy(update={"tune": tune, "train": small.train.model_copy(update=train)})


def write(root: Path, losses: dict[float, list[float | None]], **changed: object) -> None:
    for rate, row in losses.items():
        trials = [
            {
                "learning_rate": rate,
                "weight_decay": decay,
                "validation_loss": loss,
                "diverged_at": None if loss else 2,
            }
            for decay, loss in zip(DECAYS, row, strict=True)
        ]
        file = {
            "model": "transformer",
            "learning_rate": rate,
            "seeds": [1000],
            "steps": 5,
            "tokens": 10,
            "trials": trials,
        }
        path = root / f"metrics/tune/transformer/{rate}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(file | changed))


def test_the_lowest_validation_loss_is_chosen_and_of_equals_the_lower_decay(tmp_path: Path):
    write(tmp_path, LOSSES)
    config, record = chosen(params(), "transformer", root=tmp_path)
    assert (config.learning_rate, config.weight_decay) == (1e-2, 0.0)
    assert record == {"trials": 6, "tokens": 30, "learning_rate": 1e-2, "weight_decay": 0.0, "at_edge": False}


@pytest.mark.parametrize("rate", [1e-3, 1e-1])
def test_a_choice_at_the_end_of_the_range_is_marked(rate: float, tmp_path: Path):
    write(tmp_path, LOSSES | {rate: [1.0, 1.5]})
    assert chosen(params(), "transformer", root=tmp_path)[1]["at_edge"]


def test_numbers_in_params_stand(tmp_path: Path):
    fixed, record = chosen(params(learning_rate=0.3, weight_decay=0.2), "transformer", root=tmp_path)
    assert (fixed.learning_rate, fixed.weight_decay, record) == (0.3, 0.2, None)
    write(tmp_path, LOSSES)
    half, record = chosen(params(learning_rate=0.3), "transformer", root=tmp_path)
    assert (half.learning_rate, half.weight_decay, record["trials"]) == (0.3, 0.0, 6)


def test_trials_that_all_diverged_choose_nothing(tmp_path: Path):
    write(tmp_path, {rate: [None, None] for rate in RATES})
    with pytest.raises(UserError, match=r"all 6 trials of transformer diverged.*tune.learning_rates"):
        chosen(params(), "transformer", root=tmp_path)


def test_a_missing_trial_is_named_with_its_command(tmp_path: Path):
    write(tmp_path, LOSSES)
    (tmp_path / "metrics/tune/transformer/0.01.json").unlink()
    with pytest.raises(UserError, match=r"0\.01\.json: not found. Run: dvc repro tune@transformer-0\.01"):
        chosen(params(), "transformer", root=tmp_path)


def test_a_trial_too_many_is_refused(tmp_path: Path):
    write(tmp_path, LOSSES | {0.5: [1.0, 1.0]})
    with pytest.raises(UserError, match=r"0\.5\.json: left by a learning rate"):
        chosen(params(), "transformer", root=tmp_path)


@pytest.mark.parametrize("changed", [{"model": "mamba"}, {"seeds": [1000, 1001]}, {"steps": 6}, {"trials": []}])
def test_trials_of_another_budget_are_refused(changed: dict, tmp_path: Path):
    write(tmp_path, LOSSES)
    write(tmp_path, {1e-2: [2.0, 2.0]}, **changed)
    with pytest.raises(UserError, match=r"not the trials that tune in params.yaml asks of transformer"):
        chosen(params(), "transformer", root=tmp_path)


def test_a_trial_is_the_mean_of_its_seeds_and_diverges_with_the_first_that_does():
    well = [{"validation_loss": 2.0, "diverged_at": None}, {"validation_loss": 3.0, "diverged_at": None}]
    lost = [{"validation_loss": None, "diverged_at": 7}, {"validation_loss": None, "diverged_at": 5}]
    assert outcome(well) == {"validation_loss": 2.5, "diverged_at": None, "runs": well}
    assert outcome(well + lost) == {"validation_loss": None, "diverged_at": 5, "runs": well + lost}
