"""Which models are set against which: all against the baseline, and every resolvent against its plain controls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

PLAIN_GATE = "exponential"  # the same block with a plain gate: what a resolvent must beat
PLAIN_MIXERS = (PLAIN_GATE, "rotation", "signed")  # no resolvent; the last two can track a state as well


class Pair(NamedTuple):
    model: str
    against: str

    @property
    def key(self) -> str:
        """The name of the pair's comparison, by which a claim says what it rests on."""
        return f"{self.model}-{self.against}"

    @property
    def turned(self) -> Pair:
        """The pair the other way round."""
        return Pair(self.against, self.model)


def comparison_pairs(
    models: Mapping[str, Any], names: list[str], baseline: str, further: Iterable[Pair] = ()
) -> list[Pair]:
    """Return the pairs to compare; together they are the family that Holm's correction covers.

    **Arguments:** `models`: configurations by name (`params.models`); `names`: those of the run, in order;
    `baseline`: the one that every other is set against; `further`: pairs of an attribution or of a hypothesis.
    **Returns:** all models against the baseline, then every model against its controls, then the further ones;
    none twice.
    """
    pairs = [Pair(name, baseline) for name in names if name != baseline]
    for name in names:
        found = controls(models, names, name)
        pairs += [Pair(name, control) for control in found if baseline not in (name, control)]
    return list(dict.fromkeys([*pairs, *further]))


def controls(models: Mapping[str, Any], names: list[str], name: str) -> list[str]:
    """Return the models of the run that equal `name` but for a plain mixer, the exponential gate first."""
    config = models[name].model_dump()
    if config.get("mixer") in (None, *PLAIN_MIXERS):
        return []
    wanted = [{**config, "mixer": mixer} for mixer in PLAIN_MIXERS]
    return [other for config in wanted for other in names if models[other].model_dump() == config]
