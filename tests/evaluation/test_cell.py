import json
from pathlib import Path

import pytest
from tests.bit_flips import flips

from resnetbk.audit.runner import audit_model
from resnetbk.data.corpus import Corpus
from resnetbk.errors import UserError
from resnetbk.evaluation.cell import evaluate_cell, trained_weights
from resnetbk.models.registry import build_model
from resnetbk.params import load_params
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import write_sealed
from resnetbk.training.checkpoint import save_weights

BUDGET = 8000


@pytest.fixture
def params():
    params = load_params(Path(__file__).parents[2] / "params.yaml")
    config = params.models["resnet_bk"].model_copy(update={"layers": 1, "heads": 2, "mixer": "exponential"})
    return params.model_copy(
        update={
            "run": params.run.model_copy(update={"parameter_budget": BUDGET}),
            "models": {"small": config},
            "audit": params.audit.model_copy(update={"length": 12, "batch_size": 2}),
            "evaluate": params.evaluate.model_copy(update={"length": 8, "batch_size": 4, "position_bucket": 4}),
        }
    )


@pytest.fixture
def root(params, corpus_folder, vocabulary_size) -> Path:
    """A repository in which one cell has been audited and trained (for no steps)."""
    root = corpus_folder.parents[1]
    report = audit_model(params, "small", Corpus.open(corpus_folder))
    (root / "metrics/audit").mkdir(parents=True)
    (root / "metrics/audit/small.json").write_text(json.dumps(report))
    model = build_model(params.models["small"], vocabulary_size, BUDGET, seed=3)
    save_cell(model, root)
    return root


def save_cell(model, root: Path) -> None:
    """Write what a training leaves, as far as evaluation reads it."""
    weights = "models/small-3/weights.safetensors"
    (root / weights).parent.mkdir(parents=True, exist_ok=True)
    save_weights(model, root / weights)
    manifest = {"tokens": 0, "files": {weights: sha256_file(root / weights)}}
    write_sealed(root / "models/small-3/manifest.json", manifest)


def test_cell_states_what_was_scored(params, root):
    scores = evaluate_cell(params, "small", 3, root=root)
    assert list(scores) == [
        "model",
        "seed",
        "loss",
        "perplexity",
        "bits_per_byte",
        "tokens",
        "bytes",
        "documents",
        "loss_by_position",
        "parameters",
        "state_size",
        "training_tokens",
        "data",
        "weights",
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
    with pytest.raises(UserError, match=r"small-3/weights\.safetensors: .* not the weights that were trained"):
        evaluate_cell(params, "small", 3, root=root)
    save_cell(other, root)
    assert evaluate_cell(params, "small", 3, root=root)["loss"] != before


@pytest.mark.parametrize("name", ["weights.safetensors", "manifest.json"])
def test_every_flipped_bit_is_refused(params, tmp_path, vocabulary_size, name):
    save_cell(build_model(params.models["small"], vocabulary_size, BUDGET, seed=3), tmp_path)
    expected = trained_weights(tmp_path, "small-3")
    file = tmp_path / "models/small-3" / name
    for _ in flips(file, 1000):
        with pytest.raises(UserError, match="models/small-3"):
            trained_weights(tmp_path, "small-3")
    assert trained_weights(tmp_path, "small-3") == expected


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
