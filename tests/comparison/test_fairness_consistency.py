"""The seeds of one model are one experiment in configuration and steps, too."""

from __future__ import annotations

import pytest

from resnetbk.comparison.cells import read_cells
from resnetbk.comparison.consistency import require_one_experiment
from resnetbk.errors import UserError


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"config": {"family": "mamba", "layers": 9}}, "model configuration"),
        ({"steps": 601}, "number or size of steps"),
        ({"train": {"batch_size": 5, "length": 256, "accumulation": 1}}, "number or size of steps"),
    ],
)
def test_a_seed_of_another_experiment_is_refused(experiment, change, what):
    experiment.edit("models/mamba-1/manifest.json", **change)
    with pytest.raises(UserError, match=f"mamba-1: another {what} than the other cells"):
        require_one_experiment(read_cells(experiment.params.run, experiment.root))


@pytest.mark.parametrize(
    "missing", ["costs", "data_order", "tied_embeddings", "initialisation", "tuning", "steps", "config"]
)
def test_a_manifest_without_a_row_of_the_ledger_is_refused(experiment, missing):
    """Trained by an earlier version: it is trained again and not taken for something else."""
    content = experiment.read("models/mamba-1/manifest.json")
    del content[missing]
    experiment.write("models/mamba-1/manifest.json", content)
    with pytest.raises(
        UserError, match=rf"{missing}: Field required.*dvc repro --force --single-item train@mamba-1"
    ):
        read_cells(experiment.params.run, experiment.root)
