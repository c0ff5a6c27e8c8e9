"""What an examination says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """`name` is what was looked at, `found` what it is like, `mend` what to do: always there when it is wrong."""

    name: str
    state: State
    found: str
    mend: str = ""

    def __post_init__(self) -> None:
        assert self.mend or self.state != "wrong", f"{self.name} is wrong, and nothing says how to mend it"
