import json

import pytest

from resnetbk.evaluation.cell import evaluate_cell
from resnetbk.evaluation.quantise_cell import clips, quantise_cell
from resnetbk.params.quantise import Quantise
from resnetbk.repro.files import sha256_file

PRECISIONS = {
    "w2": {"weights": 2},
    "w16": {"weights": 16},
    "w3_group16": {"weights": 3, "group": 16},
    "w8_a8": {"weights": 8, "activations": 8},
}


def score(params, root, **changes):
    fields = {"precisions": list(PRECISIONS.values()), "batches": None, "smallest_clip": 0.25, "clips": 4}
    params = params.model_copy(update={"quantise": Quantise.model_validate({**fields, **changes})})
    return quantise_cell(params, "small", 3, root=root)


def test_cell_states_every_precision(params, root):
    record = score(params, root)
    assert record["loss"] == pytest.approx(evaluate_cell(params, "small", 3, root=root)["loss"], rel=1e-7)
    assert record["weights"] == sha256_file(root / "models/small-3/weights.safetensors")
    assert list(record["precisions"]) == list(PRECISIONS)
    for row in record["precisions"].values():
        assert row["loss_increase"] == pytest.approx(row["loss"] - record["loss"], abs=1e-6)
        assert len(row["document_losses"]) == len(record["documents"]) == 5 and row["non_finite"] is None
    errors = {name: row["mean_squared_error"] for name, row in record["precisions"].items()}
    assert errors["w16"] < errors["w8_a8"] < errors["w3_group16"] < errors["w2"]
    sizes = {name: row["weight_bytes"] for name, row in record["precisions"].items()}
    assert sizes["w2"] < sizes["w3_group16"] < sizes["w8_a8"] < sizes["w16"] < record["weight_bytes"]
    assert json.dumps(record, allow_nan=False) == json.dumps(score(params, root), allow_nan=False)


def test_each_precision_starts_from_the_trained_weights(params, root):
    together = score(params, root)["precisions"]
    for name, precision in PRECISIONS.items():
        assert score(params, root, precisions=[precision])["precisions"][name] == together[name]


def test_fewer_batches_are_fewer_whole_documents(params, root):
    assert score(params, root, batches=1)["tokens"] == 8
    assert score(params, root, batches=2)["tokens"] == 54


def test_clips_are_evenly_spaced():
    config = {"precisions": [{"weights": 4}], "batches": None, "smallest_clip": 0.25}
    assert clips(Quantise(**config, clips=4)) == [1.0, 0.75, 0.5, 0.25]
    assert clips(Quantise(**config, clips=1)) == [1.0]
