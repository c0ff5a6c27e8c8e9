"""One cell of the quantisation battery: a trained model at several precisions, on the test split."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from resnetbk.data.corpus import Split
from resnetbk.data.progress import progress
from resnetbk.evaluation.cell import open_cell
from resnetbk.evaluation.first_documents import first_documents
from resnetbk.evaluation.held_out import NonFiniteLoss, held_out_loss
from resnetbk.evaluation.quantisation import ActivationBits, quantise_weights
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import count_parameters
from resnetbk.params import Params
from resnetbk.params.evaluation import Evaluate
from resnetbk.params.quantise import Precision, Quantise
from resnetbk.repro.rounding import rounded
from resnetbk.training.checkpoint import load_weights


def quantise_cell(params: Params, name: str, seed: int, *, root: Path) -> dict[str, Any]:
    """Score model `name` trained with `seed` at each precision of `quantise`, and as it was trained.

    **Arguments:** `root`: the repository's root.
    **Returns:** model, seed, data, weights, parameters, weight_bytes and loss (nats per token, as trained), tokens
    and documents (those scored), and precisions: by `Precision.name` its weights, group and activations, what
    `quantise_weights` returns, loss, loss_increase, bits_per_byte, document_losses, and non_finite (what was not
    finite, then without a loss, else None).
    **Raises:** `UserError` as `open_cell`.
    """
    config = params.quantise
    cell = open_cell(params, name, seed, root=root)
    windows = None if config.batches is None else config.batches * params.evaluate.batch_size
    split = first_documents(cell.corpus.split("test"), length=params.evaluate.length, windows=windows)
    trained = held_out_loss(cell.model, split, params.evaluate)
    rows = {}
    with progress(f"quantise {name}-{seed}", "precisions", total=len(config.precisions)) as advance:
        for asked in config.precisions:
            load_weights(cell.model, root / f"models/{name}-{seed}/weights.safetensors")
            rows[asked.name] = {
                **asked.model_dump(),
                **quantise_weights(cell.model, bits=asked.weights, group=asked.group, clips=clips(config)),
                **_row(cell.model, split, params.evaluate, asked, trained["loss"]),
            }
            advance(1)
    return rounded(
        {
            **cell.described(),
            "weight_bytes": 4 * count_parameters(cell.model)["total"],
            "loss": trained["loss"],
            "tokens": trained["tokens"],
            "documents": trained["documents"],
            "precisions": rows,
        }
    )


def clips(config: Quantise) -> list[float]:
    """Return the fractions of a group's largest weight that are tried: evenly spaced from 1 down."""
    step = (1 - config.smallest_clip) / max(1, config.clips - 1)
    return [1 - step * number for number in range(config.clips)]


def _row(
    model: LanguageModel, split: Split, evaluate: Evaluate, asked: Precision, trained: float
) -> dict[str, Any]:
    """Score a model whose weights are quantised, its activations quantised as it goes."""
    try:
        with ActivationBits(asked.activations) if asked.activations else nullcontext():
            scores = held_out_loss(model, split, evaluate)
    except NonFiniteLoss as fault:  # an outcome, and recorded as one
        scored = dict.fromkeys(("loss", "loss_increase", "bits_per_byte", "document_losses"))
        return {**scored, "non_finite": str(fault)}
    return {
        "loss": scores["loss"],
        "loss_increase": scores["loss"] - trained,
        "bits_per_byte": scores["bits_per_byte"],
        "document_losses": [row["loss"] for row in scores["documents"]],
        "non_finite": None,
    }
