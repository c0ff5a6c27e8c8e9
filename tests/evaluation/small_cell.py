"""A trained cell that is small enough to score in a moment, as far as evaluation reads it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from resnetbk.audit.code import audited_sources
from resnetbk.data.corpus import Corpus
from resnetbk.evaluation.out_of_domain import CARD, files_of
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model
from resnetbk.params import Params
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import write_sealed
from resnetbk.training.checkpoint import save_weights

BUDGET = 8000
TRAINING_LENGTH = 8
NORMS = (1.0, 1.2, 0.8, 1.0, 9.0, 1.0)

CONTEXT = {
    "multiples": [1, 2, 4],
    "window_tokens": 1000,
    "stream_tokens": 60,
    "growing_state_tokens": 20,
    "chunk": 16,
    "batch_size": 3,
    "out_of_domain": ["other"],
    "out_of_domain_tokens": 1000,
    "receptive_field": {"length": 24, "windows": 4},
    "gradient_spikes": {"factor": 3.0, "window": 3},
}
QUANTISE = {"precisions": [{"weights": 3}], "batches": 1, "clips": 4, "smallest_clip": 0.25}
EARLY_EXIT = {"confidences": [0.5, 0.9], "batches": 1}


def give_model(params: Params, root: Path) -> None:
    """Make the model `small` of the parameters one that was audited and trained (for no steps) in a repository."""
    vocabulary_size = Corpus.open(root / "data/corpus").vocabulary_size
    save_cell(build_model(params.models["small"], vocabulary_size, BUDGET, seed=3), root)
    (root / "metrics/audit").mkdir(parents=True, exist_ok=True)
    (root / "metrics/audit/small.json").write_text(json.dumps({"code": audited_sources()}))


def give_other_text(root: Path) -> None:
    """Give a repository its own validation split as a text from elsewhere, called other."""
    folder, facts = root / "data/out_of_domain", {}
    folder.mkdir()
    for kind, file in files_of(folder, "other").items():
        shutil.copy(root / "data/corpus" / file.name.replace("other", "validation"), file)
        facts[f"{kind}_sha256"] = sha256_file(file)
    card = {"tokenizer": sha256_file(root / "data/corpus/tokenizer.json"), "corpora": {"other": facts}}
    write_sealed(folder / CARD, card)


def save_cell(model: LanguageModel, root: Path) -> None:
    """Write what the training of the model `small` with seed 3 leaves."""
    weights, history = "models/small-3/weights.safetensors", "metrics/train/small-3.jsonl"
    for file in (weights, history):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
    save_weights(model, root / weights)
    rows = [{"step": 10 * (place + 1), "gradient_norm": norm} for place, norm in enumerate(NORMS)]
    (root / history).write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"validation_loss": 2.0}]))
    manifest = {
        "model": "small",
        "seed": 3,
        "tokens": 0,
        "train": {"length": TRAINING_LENGTH},
        "files": {file: sha256_file(root / file) for file in (weights, history)},
    }
    write_sealed(root / "models/small-3/manifest.json", manifest)
