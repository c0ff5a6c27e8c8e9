"""The names under which a row of a training's history is tracked: the same while it runs and ever after."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

LARGEST = 700.0  # nats; the exponential of more is beyond a float

_NOT_CURVES = ("step", "tokens")


def curves(row: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a row of metrics/train/{cell}.jsonl.

    **Arguments:** `row`: as the training loop wrote it; `card`: data/corpus/card.json.
    **Returns:** name to value; before the slash stands the group (`train`, `validation`, or the row's own). A
    loss, in nats a token, is there as perplexity and bits per byte too, the latter at the mean number of bytes
    that a token of its split has; `train/tokens` are those trained on.
    """
    metrics = {metric_name(key): value for key, value in row.items() if key not in _NOT_CURVES}
    for split in ("train", "validation"):
        if (loss := metrics.get(f"{split}/loss")) is not None:
            facts = card["splits"][split]
            metrics[f"{split}/perplexity"] = math.exp(loss) if loss < LARGEST else math.inf
            metrics[f"{split}/bits_per_byte"] = loss / math.log(2) * facts["tokens"] / facts["bytes"]
    if "train/loss" in metrics:
        metrics["train/tokens"] = row["tokens"]
    return metrics


def metric_name(key: str) -> str:
    """Return the metric's name of a key of a history's row."""
    if key == "validation_loss":
        return "validation/loss"
    return key if "/" in key else f"train/{key}"
