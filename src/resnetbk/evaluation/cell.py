"""One cell of the comparison: a trained model, scored on the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resnetbk.audit.code import verify_code
from resnetbk.data.corpus import Corpus
from resnetbk.errors import UserError
from resnetbk.evaluation.held_out import held_out_loss
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.repro.files import sha256_file
from resnetbk.training.checkpoint import load_weights
from resnetbk.training.manifest import read_manifest


def evaluate_cell(params: Params, name: str, seed: int, *, root: Path) -> dict[str, Any]:
    """Score the weights of model `name` trained with `seed` on the test split.

    **Arguments:** `root`: the repository's root, under which data/, models/ and metrics/audit/ stand.
    **Returns:** what `held_out_loss` returns, with model, seed, parameters, state_size (bytes of state for
    one sequence of evaluate.length tokens), training_tokens, and the hashes of the data and the weights.
    **Raises:** `UserError` when the model's code is not the code that was audited, the weights are missing,
    do not fit or are not those that were trained, or a loss is not finite.
    """
    config = params.evaluate
    corpus = Corpus.open(root / "data/corpus")
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    weights, tokens = trained_weights(root, f"{name}-{seed}")
    load_weights(model, root / f"models/{name}-{seed}/weights.safetensors")
    scores = held_out_loss(
        model,
        corpus.split("test"),
        length=config.length,
        batch_size=config.batch_size,
        position_bucket=config.position_bucket,
    )
    return {
        "model": name,
        "seed": seed,
        **scores,
        "parameters": count_parameters(model),
        "state_size": model.state_size(config.length),
        "training_tokens": tokens,
        "data": sha256_file(root / "data/corpus/test.tokens"),
        "weights": weights,
    }


def trained_weights(root: Path, cell: str) -> tuple[str, int]:
    """Return what a cell's manifest says of its weights, once they are the ones that it speaks of.

    **Returns:** their SHA-256, and the tokens they were trained on.
    **Raises:** `UserError` when the weights are missing or others, or the manifest is not what was written.
    """
    manifest = read_manifest(root / f"models/{cell}/manifest.json")
    name = f"models/{cell}/weights.safetensors"
    expected = manifest["files"].get(name)
    if not (root / name).is_file():
        raise UserError(f"{root / name}: no such checkpoint; `dvc repro train@{cell}` makes it")
    found = sha256_file(root / name)
    if found != expected:
        raise UserError(
            f"{root / name}: SHA-256 is {found}, and the manifest beside it says {expected}: not the weights that "
            f"were trained. `dvc checkout --force models/{cell}` restores them"
        )
    return found, manifest["tokens"]
