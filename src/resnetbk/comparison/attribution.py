"""What a difference from the baseline is due to: initialisation and norm, the block, or the resolvent.

A chain of models leads from the baseline to the model on trial, each link of which changes one thing: the
baseline with the block's norm and readout initialisation, the block with a plain gate, the block with its
mixer. Every link is a comparison of its own, on the same seeds and documents, so the differences of the
links add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from resnetbk.comparison.pairs import PLAIN_GATE, Pair, controls

INITIALISATION = "initialisation and norm"
BLOCK = "block"
RESOLVENT = "resolvent"


class Step(NamedTuple):
    """One link of a chain: the change that leads from `pair.against` to `pair.model`."""

    change: str
    pair: Pair


def attribution_steps(models: Mapping[str, Any], names: list[str], baseline: str, name: str) -> list[Step]:
    """Return the links from the baseline to a model, none where the run has no such chain.

    **Arguments:** `models`: configurations by name (`params.models`); `names`: those of the run;
    `baseline`: where the chain starts; `name`: where it ends.
    """
    normed = _normed(models, names, baseline)
    gated = [other for other in controls(models, names, name) if models[other].mixer == PLAIN_GATE]
    if not normed or not gated:
        return []
    return [
        Step(INITIALISATION, Pair(normed[0], baseline)),
        Step(BLOCK, Pair(gated[0], normed[0])),
        Step(RESOLVENT, Pair(name, gated[0])),
    ]


def attribute(chains: Mapping[str, list[Step]], baseline: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Split the difference of every model on trial from the baseline.

    **Arguments:** `chains`: its steps by model; `baseline`: where they start; `rows`: the comparisons.
    **Returns:** for each model the whole and, for each step, its change, the key of its comparison, the
    difference in nats a token and its interval. The differences of the parts sum to the whole; no parts
    where there is no chain.
    """
    by_key = {row["key"]: row for row in rows}
    return [
        {
            **_part(by_key[Pair(model, baseline).key]),
            "model": model,
            "against": baseline,
            "parts": [{"change": step.change, **_part(by_key[step.pair.key])} for step in steps],
        }
        for model, steps in chains.items()
    ]


def _part(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "comparison": row["key"],
        "difference": row["difference"],
        "confidence_interval": row["confidence_interval"],
    }


def _normed(models: Mapping[str, Any], names: list[str], baseline: str) -> list[str]:
    """Return the models of the run that equal the baseline but for the norm and the initialisation of the
    block."""
    config = models[baseline].model_dump()
    if config.get("norm") is not False:
        return []
    return [other for other in names if models[other].model_dump() == {**config, "norm": True}]
