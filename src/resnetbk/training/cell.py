"""One cell of the comparison: a model and a seed, trained from its parameters to its outs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from resnetbk.audit.code import SOURCE_ROOT, verify_code
from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Corpus
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.params.training import Train
from resnetbk.repro.code import imported_sources
from resnetbk.repro.files import sha256_file, write_bytes
from resnetbk.repro.levels import enforce
from resnetbk.repro.sealed import write_sealed
from resnetbk.training.checkpoint import save_weights, weights_hash
from resnetbk.training.costs import Costs, count_costs, tied_embeddings
from resnetbk.training.data_order import data_order_hash
from resnetbk.training.initialisation import initialisation
from resnetbk.training.loop import Row
from resnetbk.training.manifest import lineage, registered_plan
from resnetbk.training.resumable import trained
from resnetbk.training.world import World
from resnetbk.tuning.choice import chosen


def train_cell(params: Params, name: str, seed: int, *, root: Path, world: World = World()) -> int:  # noqa: B008
    """Train model `name` with `seed` under `root` and write models/, metrics/train/ of that cell.

    **Arguments:** `world`: the processes that train it together; the first alone saves, reports and writes.
    **Returns:** the tokens that this call trained on, fewer than the manifest's after a resume.
    **Raises:** `UserError` when the model's code is not the code that was audited, its tuning is incomplete,
    training diverges, another process trains this cell, or a file cannot be written; `Interrupted` when a signal
    asked it to stop.
    """
    enforce(params.run.determinism)
    corpus = Corpus.open(root / "data/corpus")
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    config, tuning = chosen(params, name, root=root)
    manifest = {
        **what_goes_in(params, name, seed, corpus, model, config),
        "tuning": tuning,
        "initialisation": initialisation(model, seed),
        "data_order": data_order_hash(corpus.split("train"), config, seed),
    }
    plan = registered_plan(root)
    cell = f"{name}-{seed}"
    about, inputs = {"model": name}, [manifest, plan]
    with trained(
        "train", cell, model, corpus, config, seed=seed, inputs=inputs, about=about, root=root, world=world
    ) as result:
        if world.first:
            tokens = config.steps * config.tokens_per_step
            manifest |= {"steps": config.steps, "tokens": tokens, "costs": _costs(model, corpus, config, seed)}
            _write_outs(root, cell, model, result.history, manifest, plan)
    return result.tokens


def what_goes_in(
    params: Params, name: str, seed: int, corpus: Corpus, model: nn.Module, config: Train
) -> dict[str, Any]:
    """Return the first part of a manifest: all that decides the bits of the trained weights."""
    return {
        "model": name,
        "seed": seed,
        "config": params.models[name].model_dump(),
        "train": config.model_dump(),
        "parameter_budget": params.run.parameter_budget,
        "determinism": params.run.determinism,
        "kernels": params.run.kernels,
        "data": {split: corpus.card["splits"][split]["tokens_sha256"] for split in ("train", "validation")},
        "code": imported_sources(SOURCE_ROOT, "resnetbk"),
        "initial_weights": weights_hash(model),
    }


def _costs(model: LanguageModel, corpus: Corpus, config: Train, seed: int) -> Costs:
    """Count, once the model is trained, so that whoever watches the process sees the training's steps first."""
    tokens_BL, labels_BL = training_batch(
        corpus.split("train"), step=0, batch_size=config.batch_size, length=config.length, seed=seed
    )
    return count_costs(model, tokens_BL, labels_BL, config.accumulation)


def _write_outs(
    root: Path, cell: str, model: nn.Module, history: list[Row], manifest: dict[str, Any], plan: str | None
) -> None:
    """Write weights, history and, last, the manifest that holds their hashes."""
    weights, rows = f"models/{cell}/weights.safetensors", f"metrics/train/{cell}.jsonl"
    save_weights(model, root / weights)
    write_bytes(root / rows, "".join(json.dumps(row, allow_nan=False) + "\n" for row in history).encode())
    manifest |= {
        "dimensions": model.dimensions,
        "parameters": count_parameters(model),
        "tied_embeddings": tied_embeddings(model),
        "final_weights": weights_hash(model),
        "files": {file: sha256_file(root / file) for file in (weights, rows)},
    }
    audit = sha256_file(root / f"metrics/audit/{manifest['model']}.json")
    manifest["lineage"] = lineage(manifest, audit=audit, plan=plan)
    write_sealed(root / f"models/{cell}/manifest.json", manifest)
