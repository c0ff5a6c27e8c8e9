"""One cell of the comparison: a model and a seed, trained from its parameters to its outs."""

from __future__ import annotations

import json
from pathlib import Path

from resnetbk.audit.code import SOURCE_ROOT, verify_code
from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.repro.code import imported_sources
from resnetbk.repro.files import sha256_file, sha256_json, write_bytes, write_json
from resnetbk.repro.levels import enforce
from resnetbk.repro.repository import main_root
from resnetbk.training.checkpoint import ResumeState, save_weights, weights_hash
from resnetbk.training.loop import train
from resnetbk.training.progress import Progress


def train_cell(params: Params, name: str, seed: int, *, root: Path) -> int:
    """Train model `name` with `seed` under `root` and write models/, metrics/train/ of that cell.

    **Returns:** the tokens that this process trained on, fewer than the manifest's after a resume.
    **Raises:** `UserError` when the model's code is not the code that was audited, or training diverges.
    """
    enforce(params.run.determinism)
    cell = f"{name}-{seed}"
    config = params.models[name]
    corpus = Corpus.open(root / "data/corpus")
    model = build_model(config, corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    manifest = {
        "model": name,
        "seed": seed,
        "config": config.model_dump(),
        "train": params.train.model_dump(),
        "parameter_budget": params.run.parameter_budget,
        "determinism": params.run.determinism,
        "kernels": params.run.kernels,
        "data": {split: corpus.card["splits"][split]["tokens_sha256"] for split in ("train", "validation")},
        "code": imported_sources(SOURCE_ROOT, "resnetbk"),
        "initial_weights": weights_hash(model),
    }
    resume = ResumeState(main_root() / ".resume" / f"train-{cell}-{sha256_json(manifest)[:16]}")
    tokens_per_step = params.train.batch_size * params.train.accumulation * params.train.length
    progress = Progress(cell, steps=params.train.steps, tokens_per_step=tokens_per_step)
    try:
        history = train(model, corpus, params.train, seed=seed, resume=resume, on_step=progress.update)
    finally:
        progress.close()
    weights = root / f"models/{cell}/weights.safetensors"
    save_weights(model, weights)
    rows = "".join(json.dumps(row, allow_nan=False) + "\n" for row in history)
    write_bytes(root / f"metrics/train/{cell}.jsonl", rows.encode())
    manifest |= {
        "dimensions": model.dimensions,
        "parameters": count_parameters(model),
        "steps": params.train.steps,
        "tokens": params.train.steps * tokens_per_step,
        "final_weights": weights_hash(model),
        "files": {
            f"models/{cell}/weights.safetensors": sha256_file(weights),
            f"metrics/train/{cell}.jsonl": sha256_file(root / f"metrics/train/{cell}.jsonl"),
        },
    }
    write_json(root / f"models/{cell}/manifest.json", manifest)
    resume.clear()
    return progress.tokens
