"""Something that no version of the project needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Finding(NamedTuple):
    """What was found: its kind, in words; its name; its size (bytes); and what removes it."""

    kind: str
    name: str
    size: int
    remove: Callable[[], None]
