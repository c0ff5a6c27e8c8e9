"""What a sweep searches: DVC's `-S`, in Hydra's grammar, read as Optuna's distributions.

    key=a,b or choice(a,b)                one of these
    key=range(2,17,2)                     2, 4, ... 16
    key=interval(0.1,0.9)                 uniform; int(interval(1,16)) whole numbers
    key=tag(log,interval(1e-4,1e-2))      uniform in the logarithm
    key=value                             the same in every trial

So Hydra's own sweeper for Optuna reads them too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, OverrideType, RangeSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import ValidationError

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE, Params
from resnetbk.params.faults import near

FORMS = "value, a,b, range(2,17,2), interval(0.1,0.9), int(interval(1,16)) or tag(log,interval(1e-4,1e-2))"


@dataclass(frozen=True)
class Space:
    """A search space: the overrides `fixed` in every trial, as text and by key, and what is `searched`, by key."""

    fixed_texts: tuple[str, ...]
    fixed: dict[str, Any]
    searched: dict[str, BaseDistribution]

    def overrides(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the overrides of the trial that has chosen these values, for `dvc exp run -S`."""
        return [*self.fixed_texts, *(f"{key}={json.dumps(value)}" for key, value in chosen.items())]

    def params(self, document: Mapping[str, Any], chosen: Mapping[str, Any]) -> Params:
        """Return the parameters of the trial that has chosen these values.

        **Raises:** `UserError` when the schema refuses them together.
        """
        try:
            return Params.model_validate(overlaid(document, {**self.fixed, **chosen}))
        except ValidationError as error:
            raise UserError("; ".join(_words(fault) for fault in error.errors())) from None


def parse_space(texts: list[str], document: Mapping[str, Any]) -> Space:
    """Read overrides and check every key and value that they can lead to.

    **Arguments:** `texts`: such as `train.learning_rate=tag(log,interval(1e-4,1e-2))`; `document`: params.yaml.
    **Raises:** `UserError` for a text that is not in the grammar, a key that params.yaml does not have, a value
    that the schema refuses, a key that stands twice, or a sweep that searches nothing.
    """
    fixed_texts, fixed, searched = [], {}, {}
    for text in texts:
        override = _parse(text)
        key = override.key_or_group
        _require_key(text, key, document)
        if key in fixed or key in searched:
            raise UserError(f"-S {text}: {key} stands twice")
        if override.is_sweep_override():
            searched[key] = _distribution(text, override)
        else:
            fixed_texts.append(text)
            fixed[key] = override.value()
    if not searched:
        raise UserError(f"nothing to search: give at least one key several values, -S 'KEY={FORMS}'")
    for key, value in fixed.items():
        _require_value(key, value, overlaid(document, fixed))
    for key, distribution in searched.items():
        for value in _extremes(distribution):
            _require_value(key, value, overlaid(document, {**fixed, key: value}))
    return Space(tuple(fixed_texts), fixed, searched)


def overlaid(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with some values, named with dots, set as DVC sets them: it merges mappings.

    **Raises:** `UserError` for a mapping with a key that the document has not, which DVC refuses.
    """
    result = OmegaConf.create(dict(document), flags={"struct": True})
    for key, value in values.items():
        try:
            OmegaConf.update(result, key, value, merge=True)
        except OmegaConfBaseException as error:
            raise UserError(f"-S {key}={json.dumps(value)}: {str(error).splitlines()[0]}") from None
    return OmegaConf.to_object(result)


def _parse(text: str) -> Override:
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise UserError(f"-S {text}: {str(error).splitlines()[0]}. Expected KEY={FORMS}") from None
    if override.type != OverrideType.CHANGE or override.package:
        raise UserError(f"-S {text}: a sweep changes keys that {PARAMS_FILE} has. Expected KEY={FORMS}")
    return override


def _require_key(text: str, key: str, document: Mapping[str, Any]) -> None:
    node: Any = document
    for part in key.split("."):
        if not isinstance(node, Mapping):
            raise UserError(f"-S {text}: {PARAMS_FILE} has no {key}; nothing stands below a value")
        if part not in node:
            raise UserError(f"-S {text}: {PARAMS_FILE} has no {key}{near(part, node)}")
        node = node[part]


def _distribution(text: str, override: Override) -> BaseDistribution:
    """Return Optuna's distribution for one of Hydra's sweeps."""
    sweep = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            whole = isinstance(sweep.start, int) or "int" in sweep.tags
            kind, number = (IntDistribution, int) if whole else (FloatDistribution, float)
            return kind(number(sweep.start), number(sweep.end), log="log" in sweep.tags)
        if isinstance(sweep, RangeSweep):
            values = list(sweep.range())
            if all(isinstance(value, int) for value in values) and values == sorted(values) and values:
                return IntDistribution(values[0], values[-1], step=int(sweep.step))
            return CategoricalDistribution(values)
        assert isinstance(sweep, ChoiceSweep), "what globs match is known to Hydra's groups alone"
        choices = [getattr(choice, "text", choice) for choice in sweep.list]
        if not all(isinstance(choice, str | int | float | bool | None) for choice in choices):
            raise ValueError("a choice is a number, a word, true, false or null")
        return CategoricalDistribution(choices)
    except (ValueError, AssertionError) as error:
        raise UserError(f"-S {text}: {str(error).rstrip('.')}. Expected KEY={FORMS}") from None


def _extremes(distribution: BaseDistribution) -> list[Any]:
    """Return the values that stand for all: of an interval its ends and, for its type, one that is not whole."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    ends = [distribution.low, distribution.high]
    if isinstance(distribution, FloatDistribution):
        ends.append(distribution.low + (distribution.high - distribution.low) / math.pi)
    return ends


def _require_value(key: str, value: Any, document: Mapping[str, Any]) -> None:
    """Check one value by itself: what depends on other keys is checked of each trial."""
    try:
        Params.model_validate(document)
    except ValidationError as error:
        faults = [_words(fault) for fault in error.errors() if _lies_at(fault["loc"], key.split("."))]
        if faults:
            raise UserError(f"-S {key}={json.dumps(value)}: {'; '.join(dict.fromkeys(faults))}") from None


def _lies_at(location: tuple[Any, ...], key: list[str]) -> bool:
    """Return whether a fault lies at a key or below; pydantic puts names of alternatives between its parts."""
    parts = iter(location)
    return all(part in parts for part in key)


def _words(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
