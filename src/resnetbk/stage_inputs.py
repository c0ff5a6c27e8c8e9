"""What a DVC stage declares that it reads, and the proof that it stood still while the stage ran.

DVC hashes dependencies after the command has ended (iterative/dvc issue 11058): a file edited in the middle of
a run would be recorded as the one that was used. So a stage takes the hashes itself, before and after.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file, sha256_json


def declared_inputs(stage: str, item: dict[str, Any], description: str | Path = "dvc.yaml") -> dict[str, str]:
    """Return the hash of everything that dvc.yaml names under `deps` and `params` of a stage.

    **Arguments:** `stage`: the stage's name without its matrix part; `item`: the values of its matrix cell;
    `description`: the dvc.yaml, whose paths start at the repository's root.
    **Returns:** path or parameter to SHA-256; a directory stands for the files in it.
    """
    declared_by = yaml.safe_load(Path(description).read_text(encoding="utf-8"))["stages"][stage]
    parameters = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    hashes = {}
    for declared in declared_by.get("deps", []):
        path = Path(_fill(declared, item))
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                hashes[file.as_posix()] = sha256_file(file)
    for declared in declared_by.get("params", []):
        value = parameters
        for part in _fill(declared, item).split("."):
            value = value[part]
        hashes[f"params.yaml:{_fill(declared, item)}"] = sha256_json(value)
    return hashes


def require_unchanged(before: dict[str, str], after: dict[str, str]) -> None:
    """Raise `UserError` naming what changed between the start of a stage and its end."""
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        raise UserError(
            f"{', '.join(changed)} changed while the stage ran, so its result belongs to neither version. "
            "Nothing is recorded; run `dvc repro` again"
        )


def _fill(text: str, item: dict[str, Any]) -> str:
    for key, value in item.items():
        text = text.replace(f"${{item.{key}}}", str(value))
    return text
