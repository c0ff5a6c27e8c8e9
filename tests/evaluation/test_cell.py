import json

import pytest
from tests.bit_flips import flips
from tests.evaluation.small_cell import BUDGET, save_cell

from resnetbk.errors import UserError
from resnetbk.evaluation.cell import evaluate_cell, open_cell, verified
from resnetbk.models.registry import build_model
from resnetbk.repro.files import sha256_file
from resnetbk.training.checkpoint import save_weights
from resnetbk.training.manifest import read_manifest


def test_cell_states_what_was_scored(params, root):
    scores = evaluate_cell(params, "small", 3, root=root)
    assert list(scores) == [
        "model",
        "seed",
        "data",
        "weights",
        "parameters",
        "state_size",
        "training_tokens",
        "loss",
        "perplexity",
        "bits_per_byte",
        "tokens",
        "bytes",
        "documents",
        "loss_by_position",
    ]
    assert scores["data"] == sha256_file(root / "data/corpus/test.tokens")
    assert scores["weights"] == sha256_file(root / "models/small-3/weights.safetensors")
    assert scores["loss"] == pytest.approx(2.6, abs=0.3)  # ln 13, untrained
    assert scores["state_size"] > 0
    assert json.dumps(scores) == json.dumps(evaluate_cell(params, "small", 3, root=root))


def test_weights_decide_the_loss_and_must_be_those_trained(params, root, vocabulary_size):
    before = evaluate_cell(params, "small", 3, root=root)["loss"]
    other = build_model(params.models["small"], vocabulary_size, BUDGET, seed=4)
    save_weights(other, root / "models/small-3/weights.safetensors")
    with pytest.raises(UserError, match=r"small-3/weights\.safetensors: .* not what the training wrote"):
        evaluate_cell(params, "small", 3, root=root)
    save_cell(other, root)
    assert evaluate_cell(params, "small", 3, root=root)["loss"] != before


@pytest.mark.parametrize("name", ["weights.safetensors", "manifest.json"])
def test_every_flipped_bit_is_refused(params, tmp_path, vocabulary_size, name):
    save_cell(build_model(params.models["small"], vocabulary_size, BUDGET, seed=3), tmp_path)
    weights = "models/small-3/weights.safetensors"

    def check() -> str:
        return verified(tmp_path, weights, read_manifest(tmp_path / "models/small-3/manifest.json"))

    expected = check()
    for _ in flips(tmp_path / "models/small-3" / name, 1000):
        with pytest.raises(UserError, match="models/small-3"):
            check()
    assert check() == expected


def test_history_that_is_not_the_trainings_is_refused(params, root):
    cell = open_cell(params, "small", 3, root=root)
    history = "metrics/train/small-3.jsonl"
    assert verified(root, history, cell.manifest) == sha256_file(root / history)
    with (root / history).open("a") as file:
        file.write("{}\n")
    with pytest.raises(UserError, match=r"small-3\.jsonl: .*`dvc checkout --force metrics/train/small-3\.jsonl`"):
        verified(root, history, cell.manifest)


def test_cell_whose_code_was_not_audited_is_refused(params, root):
    file = root / "metrics/audit/small.json"
    report = json.loads(file.read_text())
    report["code"]["src/resnetbk/models/mixers/exponential.py"] = "0" * 64
    file.write_text(json.dumps(report))
    with pytest.raises(UserError, match=r"exponential\.py.*changed since its audit"):
        evaluate_cell(params, "small", 3, root=root)


def test_missing_weights_are_named(params, root):
    (root / "models/small-3/weights.safetensors").unlink()
    with pytest.raises(UserError, match="models/small-3/weights"):
        evaluate_cell(params, "small", 3, root=root)
