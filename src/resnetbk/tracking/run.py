"""What MLflow is to show of one run, in plain Python."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from resnetbk.errors import UserError
from resnetbk.tracking.registry import StoredModel


class Point(NamedTuple):
    """One value of a metric; `fraction` (0 to 1) says how far into the run it was measured."""

    name: str
    value: float
    step: int = 0
    fraction: float = 1.0


class DataSplit(NamedTuple):
    """The data that a run read: MLflow shows it in its Dataset column."""

    corpus: str
    split: str
    sha256: str  # of its tokens
    source: Any


@dataclass(frozen=True)
class TrackedRun:
    """One run: by `key`, a hash of the results it shows, nothing is sent twice; times are Unix seconds."""

    name: str
    key: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    data: list[DataSplit] = field(default_factory=list)
    artifacts: dict[str, Path | str] = field(default_factory=dict)  # a path to copy, or the text itself
    start: float | None = None
    end: float | None = None
    model: StoredModel | None = None  # of the best cell alone


def flatten(value: Any, prefix: str = "", *, lists: bool = False) -> dict[str, Any]:
    """Return the leaves of nested dicts by dotted name; with `lists`, members of lists by their index too."""
    if isinstance(value, dict) and value:
        children = value.items()
    elif lists and isinstance(value, list) and value:
        children = enumerate(value)
    else:
        return {prefix: value}
    leaves: dict[str, Any] = {}
    for name, child in children:
        leaves |= flatten(child, f"{prefix}.{name}" if prefix else str(name), lists=lists)
    return leaves


def as_text(leaf: Any) -> str:
    """Return text as it is and everything else as JSON: 0.003, true, null, [0, 1, 2]."""
    return leaf if isinstance(leaf, str) else json.dumps(leaf)


def as_name(text: str) -> str:
    """Replace what MLflow allows in no name: it takes letters, digits and `_ - . / :` and space."""
    return re.sub(r"[^\w.\-/ :]", "_", text)


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage made.

    **Raises:** `UserError` when it is missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not found; `dvc repro` makes it") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error}); `dvc checkout {path}` restores it") from None


def read_json_lines(path: Path) -> list[Any]:
    """Read a file of JSON lines that an earlier stage made.

    **Raises:** `UserError` when it is missing or broken.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; `dvc repro` makes it") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON lines ({error}); `dvc checkout {path}` restores it") from None
