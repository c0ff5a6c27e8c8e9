"""Exactly the cells that params.yaml names are read; anything else is refused with a cure."""

from __future__ import annotations

import re

import numpy as np
import pytest

from resnetbk.comparison.cells import read_cells
from resnetbk.errors import UserError


def refusal(experiment) -> str:
    with pytest.raises(UserError) as caught:
        read_cells(experiment.params.run, experiment.root)
    return str(caught.value)


def test_reads_models_and_seeds_in_the_order_of_params(experiment):
    cells = read_cells(experiment.params.run, experiment.root)
    assert list(cells.by_model) == experiment.params.run.models
    assert [cell.name for cell in cells.by_model["mamba"]] == ["mamba-0", "mamba-1", "mamba-2"]
    assert cells.loss_SD("mamba").shape == (3, 20)
    losses = [document["loss"] for document in experiment.read("metrics/evaluate/mamba-1.json")["documents"]]
    assert np.array_equal(cells.loss_SD("mamba")[1], losses)


@pytest.mark.parametrize("model, seed", [("mamba", 1), ("transformer", 0)])
def test_a_missing_evaluation_names_the_command(experiment, model, seed):
    (experiment.root / f"metrics/evaluate/{model}-{seed}.json").unlink()
    message = refusal(experiment)
    assert f"metrics/evaluate/{model}-{seed}.json: not found" in message
    assert f"Run: dvc repro evaluate@{model}-{seed}" in message


def test_all_missing_cells_are_named_at_once(experiment):
    for seed in (0, 2):
        (experiment.root / f"models/mamba-{seed}/manifest.json").unlink()
    assert refusal(experiment).endswith("Run: dvc repro train@mamba-0 train@mamba-2")


@pytest.mark.parametrize(
    "orphan",
    [
        "metrics/evaluate/old-0.json",
        "metrics/evaluate/mamba-7.json",
        "metrics/train/old-0.jsonl",
        "metrics/audit/old.json",
    ],
)
def test_an_orphan_names_the_command(experiment, orphan):
    experiment.write(orphan, {})
    assert refusal(experiment).startswith(f"{orphan}: left by a model or seed")
    assert f"rm -r {orphan}" in refusal(experiment)


def test_an_orphaned_model_is_named_together_with_its_metrics(experiment):
    experiment.write("models/old-0/manifest.json", {})
    experiment.write("metrics/evaluate/old-0.json", {})
    assert refusal(experiment).endswith("run: rm -r metrics/evaluate/old-0.json models/old-0")


def test_files_that_are_no_cells_are_no_orphans(experiment):
    experiment.write("metrics/evaluate/.mamba-0.json.123.partial", {})
    experiment.write("metrics/evaluate/.gitignore", {})
    experiment.write("models/.gitignore", {})
    read_cells(experiment.params.run, experiment.root)


def test_a_truncated_file_is_named(experiment):
    path = experiment.root / "metrics/evaluate/mamba-0.json"
    path.write_bytes(path.read_bytes()[:300])
    message = refusal(experiment)
    assert f"{path}: not JSON" in message
    assert message.endswith("Run: dvc repro --force --single-item evaluate@mamba-0")


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -1.0, "low"])
def test_an_impossible_loss_is_named(experiment, loss):
    experiment.edit("metrics/evaluate/mamba-0.json", loss=loss)
    assert "mamba-0.json: loss: " in refusal(experiment)


def test_a_cell_under_the_name_of_another_is_refused(experiment):
    experiment.write("metrics/evaluate/mamba-0.json", experiment.read("metrics/evaluate/resnet_bk-0.json"))
    assert "metrics/evaluate/mamba-0.json: holds model 'resnet_bk' with seed 0" in refusal(experiment)


def test_a_missing_audit_is_left_to_the_ledger(experiment):
    (experiment.root / "metrics/audit/mamba.json").unlink()
    assert read_cells(experiment.params.run, experiment.root).audits["mamba"] is None


@pytest.mark.parametrize("file", ["models/mamba-1/manifest.json", "metrics/train/mamba-1.jsonl"])
def test_a_flipped_bit_is_seen(experiment, file):
    path = experiment.root / file
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(UserError, match=re.escape(file)):
        read_cells(experiment.params.run, experiment.root)
