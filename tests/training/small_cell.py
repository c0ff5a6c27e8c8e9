"""A cell that trains in a moment, with everything around it that `train_cell` wants."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path

from tests.packed_corpus import draw_documents, write_corpus
from tests.training.forkserver import PRELOADED

from resnetbk.audit.code import audited_sources
from resnetbk.params import Params, load_params
from resnetbk.repro.files import sha256_file, sha256_json
from resnetbk.training.cell import train_cell

PARAMS_FILE = Path(__file__).parents[2] / "params.yaml"
CELL = "transformer-0"
OUTS = (f"models/{CELL}/weights.safetensors", f"models/{CELL}/manifest.json", f"metrics/train/{CELL}.jsonl")
SPLITS = ("train", "validation", "test")
VOCABULARY = 50


def small_params(**train: object) -> Params:
    """Return the parameters of the repository with a model and a training that take a tenth of a second."""
    params = load_params(PARAMS_FILE)
    small = {
        "steps": 3,
        "batch_size": 2,
        "length": 12,
        "learning_rate": 1e-2,
        "weight_decay": 0.1,
        "warmup_steps": 1,
        "validation_interval": 2,
        "validation_batches": 1,
        "log_interval": 1,
        "checkpoint_interval": 1,
    }
    model = params.models["transformer"].model_copy(update={"layers": 1, "heads": 2})
    return params.model_copy(
        update={
            "run": params.run.model_copy(update={"parameter_budget": 8_000}),
            "models": {"transformer": model},
            "train": params.train.model_copy(update={**small, **train}),
        }
    )


def make_root(root: Path) -> Path:
    """Write corpus and audit of the small cell under `root`, which is a repository to all appearances."""
    make_corpus(root)
    for module in PRELOADED:  # what every process that trains has imported, and an audit lists
        import_module(module)
    (root / "metrics/audit").mkdir(parents=True)
    (root / "metrics/audit/transformer.json").write_text(json.dumps({"code": audited_sources()}))
    (root / ".dvc").mkdir()
    return root


def make_corpus(root: Path, first_seed: int = 0) -> None:
    """Write three splits of tokens drawn by chance."""
    documents = {name: draw_documents(first_seed + i, (150, 90), VOCABULARY) for i, name in enumerate(SPLITS)}
    write_corpus(root / "data/corpus", documents, VOCABULARY)


def train_small(root: Path, **train: object) -> None:
    """Train the small cell of `root`."""
    os.chdir(root)
    train_cell(small_params(**train), "transformer", 0, root=root)


def outs(root: Path) -> str:
    """Return a hash over the cell's outs."""
    return sha256_json({name: sha256_file(root / name) for name in OUTS})


def states(root: Path) -> list[Path]:
    """Return the resume states that are there."""
    return sorted((root / ".resume").glob("*/state.safetensors"))
