"""One cell of the comparison: a model and a seed, trained from its parameters to its outs."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from resnetbk.audit.code import SOURCE_ROOT, verify_code
from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.repro.code import imported_sources
from resnetbk.repro.files import sha256_file, sha256_json, write_bytes
from resnetbk.repro.levels import enforce
from resnetbk.repro.repository import main_root
from resnetbk.repro.sealed import write_sealed
from resnetbk.training.cell_lock import cell_lock
from resnetbk.training.checkpoint import save_weights, weights_hash
from resnetbk.training.interruption import Interrupted, stop_signals
from resnetbk.training.loop import Row, train
from resnetbk.training.manifest import lineage, registered_plan
from resnetbk.training.progress import Progress
from resnetbk.training.resume import ResumeState
from resnetbk.training.world import World

# Code too, though of others: with another version a training would go on to bits that no version makes alone.
COMPUTING_PACKAGES = ("torch", "numpy", "numba", "llvmlite", "transformers")


def train_cell(params: Params, name: str, seed: int, *, root: Path, world: World = World()) -> int:  # noqa: B008
    """Train model `name` with `seed` under `root` and write models/, metrics/train/ of that cell.

    **Arguments:** `world`: the processes that train it together; the first alone saves, reports and writes.
    **Returns:** the tokens that this call trained on, fewer than the manifest's after a resume.
    **Raises:** `UserError` when the model's code is not the code that was audited, training diverges, another
    process trains this cell, or a file cannot be written; `Interrupted` when a signal asked it to stop.
    """
    enforce(params.run.determinism)
    cell, steps = f"{name}-{seed}", params.train.steps
    corpus = Corpus.open(root / "data/corpus")
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    manifest = _what_goes_in(params, name, seed, corpus, model)
    plan = registered_plan(root)
    packages = {package: version(package) for package in COMPUTING_PACKAGES}
    states = main_root() / ".resume"
    resume = ResumeState(states / f"train-{cell}-{sha256_json([manifest, plan, packages])[:16]}")
    locks = (root.resolve() / f".resume/train-{cell}.lock", resume.directory.with_suffix(".lock"))
    tokens_per_step = params.train.batch_size * params.train.accumulation * params.train.length
    progress = Progress(cell, steps=steps, tokens_per_step=tokens_per_step, shown=world.first)
    try:
        with cell_lock(cell, *locks if world.first else ()), stop_signals() as stop_signal, closing(progress):
            history = train(
                model,
                corpus,
                params.train,
                seed=seed,
                resume=resume,
                on_step=progress.update,
                stop_signal=stop_signal,
                world=world,
            )
            if world.first:
                manifest |= {"steps": steps, "tokens": steps * tokens_per_step}
                _write_outs(root, cell, model, history, manifest, plan)
                if number := stop_signal():
                    raise Interrupted(number, steps)
                resume.clear()
    except Interrupted as stop:
        if world.first:
            print(f"{cell}: saved at step {stop.step}; run again to go on", file=sys.stderr)
        raise
    return progress.tokens


def _what_goes_in(params: Params, name: str, seed: int, corpus: Corpus, model: nn.Module) -> dict[str, Any]:
    """Return the first part of the manifest: all that decides the bits of the trained weights."""
    return {
        "model": name,
        "seed": seed,
        "config": params.models[name].model_dump(),
        "train": params.train.model_dump(),
        "parameter_budget": params.run.parameter_budget,
        "determinism": params.run.determinism,
        "kernels": params.run.kernels,
        "data": {split: corpus.card["splits"][split]["tokens_sha256"] for split in ("train", "validation")},
        "code": imported_sources(SOURCE_ROOT, "resnetbk"),
        "initial_weights": weights_hash(model),
    }


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
        "final_weights": weights_hash(model),
        "files": {file: sha256_file(root / file) for file in (weights, rows)},
    }
    audit = sha256_file(root / f"metrics/audit/{manifest['model']}.json")
    manifest["lineage"] = lineage(manifest, audit=audit, plan=plan)
    write_sealed(root / f"models/{cell}/manifest.json", manifest)
