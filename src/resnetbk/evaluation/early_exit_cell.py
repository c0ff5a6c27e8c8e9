"""One cell of the efficiency battery: a trained model at every depth, on the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resnetbk.evaluation.cell import open_cell
from resnetbk.evaluation.early_exit import early_exit
from resnetbk.evaluation.first_documents import first_documents
from resnetbk.params import Params
from resnetbk.repro.rounding import rounded


def early_exit_cell(params: Params, name: str, seed: int, *, root: Path) -> dict[str, Any]:
    """Score model `name` trained with `seed` at each depth and confidence of `early_exit`.

    **Arguments:** `root`: the repository's root.
    **Returns:** model, seed, data, weights, parameters, and what `early_exit` returns.
    **Raises:** `UserError` as `open_cell`.
    """
    config, evaluate = params.early_exit, params.evaluate
    cell = open_cell(params, name, seed, root=root)
    windows = None if config.batches is None else config.batches * evaluate.batch_size
    found = early_exit(
        cell.model,
        first_documents(cell.corpus.split("test"), length=evaluate.length, windows=windows),
        length=evaluate.length,
        batch_size=evaluate.batch_size,
        confidences=config.confidences,
    )
    return rounded({**cell.described(), **found})
