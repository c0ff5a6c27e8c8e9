"""The differences between two results of a cell, in the order in which one leads to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from resnetbk.repro.difference import distance_between
from resnetbk.repro.distance import distance
from resnetbk.repro.leaves import leaf

ABSENT = "(absent)"
WEIGHTS = ("initial_weights", "final_weights")  # of a manifest: hashes over all tensors


class Difference(NamedTuple):
    """A place where two results differ, what stands there, and how far apart it is, or ""."""

    place: str
    first: Any
    second: Any
    distance: str = ""

    def __str__(self) -> str:
        apart = f" ({self.distance})" if self.distance else ""
        return f"{self.place}: {_short(self.first)} and {_short(self.second)}{apart}"


@dataclass(frozen=True)
class Result:
    """What a cell leaves; `weights` is None where only their hash is known."""

    manifest: dict[str, Any]
    history: list[dict[str, Any]]
    evaluation: dict[str, Any]
    audit: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None


def result_differences(first: Result, second: Result) -> Iterator[Difference]:
    """Compare two results: audit, initial weights, history, final weights, rest of the manifest, evaluation."""
    yield from json_differences("audit.json", first.audit, second.audit)
    yield from _field_differences("initial_weights", first, second)
    yield from history_differences(first.history, second.history)
    yield from _field_differences("final_weights", first, second)
    rest = [{k: v for k, v in result.manifest.items() if k not in WEIGHTS} for result in (first, second)]
    yield from json_differences("manifest.json", *rest)
    yield from json_differences("evaluate.json", first.evaluation, second.evaluation)


def history_differences(first: list[dict], second: list[dict]) -> Iterator[Difference]:
    """Compare two histories row by row."""
    for a, b in zip(first, second, strict=False):
        yield from json_differences(f"history.jsonl step {a.get('step')}", a, b)
    if len(first) != len(second):
        yield Difference("history.jsonl rows", len(first), len(second))


def json_differences(place: str, first: Any, second: Any) -> Iterator[Difference]:
    """Compare two JSON values leaf by leaf, in the order of the first."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in [*first, *(key for key in second if key not in first)]:
            yield from json_differences(f"{place} {key}", first.get(key, ABSENT), second.get(key, ABSENT))
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (a, b) in enumerate(zip(first, second, strict=True)):
            yield from json_differences(f"{place}[{number}]", a, b)
    elif first != second or type(first) is not type(second):
        yield Difference(place, first, second, _numbers_apart(first, second))


def _field_differences(name: str, first: Result, second: Result) -> Iterator[Difference]:
    a, b = first.manifest.get(name, ABSENT), second.manifest.get(name, ABSENT)
    if a != b:
        yield Difference(f"manifest.json {name}", a, b, _tensors(first, second) if name == "final_weights" else "")


def _tensors(first: Result, second: Result) -> str:
    """Name the first tensor of two checkpoints that differs."""
    if not first.weights or not second.weights:
        return "the run's weights are not at hand: of them only the hash is known"
    apart = distance_between(first.weights, second.weights)
    return "every tensor in the files is the same" if apart.identical else str(apart).replace("\n", "; ")


def _numbers_apart(first: Any, second: Any) -> str:
    """Measure two numbers in the format that they were computed in: float32 where both are such numbers."""
    if type(first) is not type(second) or not isinstance(first, int | float) or isinstance(first, bool):
        return ""
    if isinstance(first, int):
        return f"{abs(first - second)} apart"
    with np.errstate(over="ignore"):
        narrow = np.array([first, second], np.float32)
    dtype = np.float32 if (narrow == np.array([first, second])).all() else np.float64
    apart = distance(leaf(dtype(first)), leaf(dtype(second)))
    return f"{apart.absolute:.3g} apart, {apart.units} units in the last place of {dtype.__name__}"


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
