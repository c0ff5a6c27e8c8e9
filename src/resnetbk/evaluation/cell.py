"""One cell of the comparison: a trained model, scored on the test split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from resnetbk.audit.code import verify_code
from resnetbk.data.corpus import Corpus
from resnetbk.evaluation.held_out import held_out_loss
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.repro.files import sha256_file
from resnetbk.training.checkpoint import load_weights


def evaluate_cell(params: Params, name: str, seed: int, *, root: Path) -> dict[str, Any]:
    """Score the weights of model `name` trained with `seed` on the test split.

    **Arguments:** `root`: the repository's root, under which data/, models/ and metrics/audit/ stand.
    **Returns:** what `held_out_loss` returns, with model, seed, parameters, state_size (bytes of state for
    one sequence of evaluate.length tokens), training_tokens, and the hashes of the data and the weights.
    **Raises:** `UserError` when the model's code is not the code that was audited, the weights are missing
    or do not fit, or a loss is not finite.
    """
    config = params.evaluate
    corpus = Corpus.open(root / "data/corpus")
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    cell = root / f"models/{name}-{seed}"
    load_weights(model, cell / "weights.safetensors")
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
        "training_tokens": json.loads((cell / "manifest.json").read_text(encoding="utf-8"))["tokens"],
        "data": sha256_file(root / "data/corpus/test.tokens"),
        "weights": sha256_file(cell / "weights.safetensors"),
    }
