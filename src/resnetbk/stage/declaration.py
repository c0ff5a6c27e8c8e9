"""What dvc.yaml says of one cell of a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Declaration:
    """A cell's dependencies, parameters and outs: paths from the repository's root, and dotted names.

    `description` is the dvc.yaml that says so.
    """

    stage: str
    description: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]

    @classmethod
    def read(cls, stage: str, item: dict[str, Any], description: str | Path = "dvc.yaml") -> Declaration:
        """Read what is declared.

        **Arguments:** `stage`: the stage's name without its matrix part; `item`: the values of its matrix cell;
        `description`: the dvc.yaml.
        """
        said = yaml.safe_load(Path(description).read_text(encoding="utf-8"))["stages"][stage]

        def entries(key: str) -> tuple[str, ...]:
            plain = (next(iter(entry)) if isinstance(entry, dict) else entry for entry in said.get(key, []))
            return tuple(_fill(entry, item) for entry in plain)

        outs = (*entries("outs"), *entries("metrics"), *entries("plots"))
        return cls(stage, str(description), entries("deps"), entries("params"), outs)


def _fill(text: str, item: dict[str, Any]) -> str:
    for key, value in item.items():
        text = text.replace(f"${{item.{key}}}", str(value))
    return text
