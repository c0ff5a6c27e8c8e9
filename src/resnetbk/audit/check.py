"""What every check returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    **Arguments:** `passed`: whether the guarantee holds; `detail`: one sentence that names what was tested
    or, on failure, what is wrong, where and by how much; `measured`: the numbers behind it, JSON values
    that are the same from run to run.
    """

    passed: bool
    detail: str
    measured: dict[str, Any] = field(default_factory=dict)
