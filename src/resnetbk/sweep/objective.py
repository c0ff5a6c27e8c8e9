"""What a sweep minimises: the validation loss at the end of training. The test split is no part of the search."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dvc.api import DVCFileSystem

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.params.faults import near


def objective_model(keys: Iterable[str], params: Params, chosen: str | None) -> str:
    """Return the model whose loss is minimised: the chosen one, else the only one that the keys are about.

    **Raises:** `UserError` when `run.models` does not train it, or none follows from the keys.
    """
    models = {key.split(".")[1] for key in keys if key.startswith("models.")}
    if chosen is None and len(models) != 1:
        raise UserError(
            f"whose validation loss is to be minimised? Add --model, one of {', '.join(params.run.models)}"
        )
    model = chosen or models.pop()
    if model not in params.run.models:
        raise UserError(f"{model!r} is no model that run.models trains{near(model, params.run.models)}")
    return model


def validation_loss(revision: str, model: str, seeds: Iterable[int]) -> float:
    """Return a model's loss on the validation split after its last step, in an experiment that has run.

    **Arguments:** `revision`: the experiment's commit.
    **Returns:** nats per token, the mean over the seeds.
    """
    files = DVCFileSystem(rev=revision)
    losses = []
    for seed in seeds:
        rows = map(json.loads, files.read_text(f"metrics/train/{model}-{seed}.jsonl").splitlines())
        losses.append([row["validation_loss"] for row in rows if "validation_loss" in row][-1])
    return sum(losses) / len(losses)
