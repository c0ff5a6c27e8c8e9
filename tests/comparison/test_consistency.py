"""Cells of different experiments, copies and constants are refused; the intact experiment passes."""

from __future__ import annotations

import numpy as np
import pytest

from resnetbk.comparison.cells import read_cells
from resnetbk.comparison.consistency import require_one_experiment
from resnetbk.errors import UserError

OTHER = "0" * 64  # a SHA-256 of something else


def check(experiment) -> None:
    require_one_experiment(read_cells(experiment.params.run, experiment.root))


def refusal(experiment) -> str:
    with pytest.raises(UserError) as caught:
        check(experiment)
    return str(caught.value)


def test_an_intact_experiment_passes(experiment):
    check(experiment)


def test_other_test_data_is_stale(experiment):
    experiment.edit("metrics/evaluate/mamba-1.json", data=OTHER)
    message = refusal(experiment)
    assert "mamba-1: another data in the test split" in message
    assert message.endswith("Run: dvc repro evaluate@mamba-1")


def test_other_training_data_is_stale(experiment):
    for seed in range(3):
        data = {"train": OTHER, "validation": OTHER}
        experiment.edit(f"models/resnet_bk-{seed}/manifest.json", data=data)
    assert "resnet_bk-0, resnet_bk-1, resnet_bk-2: another data in the train split" in refusal(experiment)


def test_other_token_counts_cannot_be_paired(experiment):
    cell = experiment.read("metrics/evaluate/mamba-1.json")
    cell["documents"][0]["tokens"] += 1
    loss_D, tokens_D = (np.array([document[key] for document in cell["documents"]]) for key in ("loss", "tokens"))
    cell |= {"tokens": int(tokens_D.sum()), "loss": float(np.average(loss_D, weights=tokens_D))}
    experiment.write("metrics/evaluate/mamba-1.json", cell)
    assert "mamba-1: another token counts" in refusal(experiment)


def test_seeds_of_one_model_saw_the_same_number_of_tokens(experiment):
    experiment.edit("metrics/evaluate/mamba-1.json", training_tokens=1024)
    experiment.edit("models/mamba-1/manifest.json", tokens=1024)
    assert "mamba-1: another number of training tokens" in refusal(experiment)


def test_an_evaluation_of_earlier_weights_is_stale(experiment):
    experiment.edit("metrics/evaluate/mamba-1.json", weights=OTHER)
    message = refusal(experiment)
    assert (
        "metrics/evaluate/mamba-1.json: its weights or training tokens are not those of models/mamba-1" in message
    )
    assert message.endswith("evaluate@mamba-1")


@pytest.mark.parametrize(
    "key, words", [("final_weights", "trained weights"), ("initial_weights", "initial weights")]
)
def test_one_run_under_two_seeds_is_refused(experiment, key, words):
    twin = experiment.read("models/mamba-0/manifest.json")[key]
    experiment.edit("models/mamba-2/manifest.json", **{key: twin})
    message = refusal(experiment)
    assert f"models/mamba-2: {words} identical to those of models/mamba-0" in message


def test_the_same_losses_under_two_seeds_are_refused(experiment):
    twin = {key: experiment.read("metrics/evaluate/mamba-0.json")[key] for key in ("loss", "documents")}
    experiment.edit("metrics/evaluate/mamba-2.json", **twin)
    assert "models/mamba-2: held-out losses identical to those of models/mamba-0" in refusal(experiment)


def test_equal_weights_under_the_same_seed_of_two_models_are_no_copy_of_a_seed(experiment):
    twin = experiment.read("models/mamba-0/manifest.json")["initial_weights"]
    experiment.edit("models/resnet_bk-0/manifest.json", initial_weights=twin)
    check(experiment)


def test_a_constant_loss_is_no_measurement(experiment):
    cell = experiment.read("metrics/evaluate/mamba-0.json")
    for document in cell["documents"]:
        document["loss"] = cell["loss"]
    experiment.write("metrics/evaluate/mamba-0.json", cell)
    message = refusal(experiment)
    assert message.startswith("metrics/evaluate/mamba-0.json: all 20 documents have the loss")
    assert "zero variance" in message
