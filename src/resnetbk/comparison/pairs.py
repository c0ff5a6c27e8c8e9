"""Which models are set against which: all against the baseline, every mixer against its plain control."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

CONTROL_MIXER = "exponential"  # the same block with a plain gate: what a resolvent must beat


class Pair(NamedTuple):
    model: str
    against: str


def comparison_pairs(models: Mapping[str, Any], names: list[str], baseline: str) -> list[Pair]:
    """Return the pairs to compare; together they are the family that Holm's correction covers.

    **Arguments:** `models`: configurations by name (`params.models`); `names`: those of the run, in order;
    `baseline`: the one that every other is set against.
    **Returns:** all models against the baseline, then every model against its control, none twice.
    """
    pairs = [Pair(name, baseline) for name in names if name != baseline]
    for name in names:
        found = controls(models, names, name)
        pairs += [Pair(name, control) for control in found if baseline not in (name, control)]
    return pairs


def controls(models: Mapping[str, Any], names: list[str], name: str) -> list[str]:
    """Return the models of the run that equal `name` but for a plain exponential gate as mixer."""
    config = models[name].model_dump()
    if config.get("mixer") in (None, CONTROL_MIXER):
        return []
    wanted = {**config, "mixer": CONTROL_MIXER}
    return [other for other in names if models[other].model_dump() == wanted]
