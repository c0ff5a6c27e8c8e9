"""Cells that cannot stand in one comparison: stale, copied, or without anything measured in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable

import numpy as np

from resnetbk.comparison.cells import Cell, Cells
from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_json


def require_one_experiment(cells: Cells) -> None:
    """Refuse cells that do not belong together.

    All cells share their data and held-out documents. The seeds of one model share its configuration, its
    training tokens and its size, and no two of them are the same run. Whether two *models* were treated alike is
    the ledger's question.

    **Raises:** `UserError` naming the cells, what is wrong with them and the command that makes them anew.
    """
    everything = [cell for group in cells.by_model.values() for cell in group]
    for cell in everything:
        _require_a_measurement(cell)
    for split in sorted({split for cell in everything for split in cell.data}):
        _require_equal(everything, lambda cell, s=split: cell.data.get(s), f"data in the {split} split")
    _require_equal(everything, lambda cell: tuple(cell.tokens_D), "token counts of the held-out documents")
    for group in cells.by_model.values():
        _require_equal(group, lambda cell: sha256_json(cell.manifest.config), "model configuration")
        _require_equal(group, lambda cell: (cell.manifest.steps, cell.manifest.train), "number or size of steps")
        _require_equal(group, lambda cell: cell.manifest.tokens, "number of training tokens")
        _require_equal(group, lambda cell: cell.evaluation.parameters, "number of parameters")
        _require_equal(group, lambda cell: cell.evaluation.state_size, "state size")
        _require_different(group, lambda cell: cell.manifest.initial_weights, "initial weights")
        _require_different(group, lambda cell: cell.manifest.final_weights, "trained weights")
        _require_different(group, lambda cell: tuple(cell.loss_D), "held-out losses")


def _require_a_measurement(cell: Cell) -> None:
    evaluation, file = cell.evaluation, f"metrics/evaluate/{cell.name}.json"
    trained = (cell.manifest.files.get(f"models/{cell.name}/weights.safetensors"), cell.manifest.tokens)
    if (evaluation.weights, evaluation.training_tokens) != trained:
        raise UserError(
            f"{file}: its weights or training tokens are not those of models/{cell.name}/manifest.json, so it "
            f"evaluated an earlier run. Run: dvc repro --force --single-item evaluate@{cell.name}"
        )
    if len(evaluation.documents) > 1 and np.ptp(cell.loss_D) == 0:
        raise UserError(
            f"{file}: all {len(evaluation.documents)} documents have the loss {evaluation.loss:.6g}; "
            f"a metric with zero variance measures nothing. Look at the model, or run: "
            f"dvc repro --force --single-item evaluate@{cell.name}"
        )
    mean = np.average(cell.loss_D, weights=cell.tokens_D)
    assert cell.tokens_D.sum() == evaluation.tokens, f"{file}: tokens are not the sum over documents"
    assert abs(mean - evaluation.loss) <= 1e-6 * mean, f"{file}: loss is not the mean over documents"


def minority(cells: list[Cell], value: Callable[[Cell], Hashable]) -> list[str]:
    """Return the names of the cells whose value is not the most common one; none where all agree."""
    common = Counter(value(cell) for cell in cells).most_common(1)[0][0]
    return [cell.name for cell in cells if value(cell) != common]


def _require_equal(cells: list[Cell], value: Callable[[Cell], Hashable], what: str) -> None:
    """Refuse cells that differ in what all must share; those in the minority are taken for the stale ones."""
    if stale := minority(cells, value):
        raise UserError(
            f"metrics/evaluate: {', '.join(stale)}: another {what} than the other cells; they come from "
            f"different runs. Run: dvc repro {' '.join(f'evaluate@{name}' for name in stale)}"
        )


def _require_different(cells: list[Cell], value: Callable[[Cell], Hashable], what: str) -> None:
    """Refuse one run that stands under two seeds: it would count as independent evidence."""
    first: dict[Hashable, str] = {}
    for cell in cells:
        twin = first.setdefault(value(cell), cell.name)
        if twin != cell.name:
            raise UserError(
                f"models/{cell.name}: {what} identical to those of models/{twin}; one run under two seeds is "
                f"not two runs. Run: dvc repro --force --single-item train@{cell.name} evaluate@{cell.name}"
            )
