"""The proof that what a stage depends on stood still while it ran.

DVC hashes dependencies after the command has ended (iterative/dvc issue 11058): a file edited in the middle of
a run would be recorded as the one that was used. So a stage takes the hashes itself, before and after.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE
from resnetbk.repro.files import sha256_file, sha256_json
from resnetbk.stage.declaration import Declaration


def hash_inputs(declared: Declaration) -> dict[str, str]:
    """Return the hash of everything that stands under `deps` and `params`.

    **Returns:** path or parameter to SHA-256; a directory stands for the files in it.
    """
    hashes = {}
    for path in map(Path, declared.deps):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                hashes[file.as_posix()] = sha256_file(file)
    for name, value in declared_values(declared).items():
        hashes[f"{PARAMS_FILE}:{name}"] = sha256_json(value)
    return hashes


def declared_values(declared: Declaration) -> dict[str, Any]:
    """Return what params.yaml holds under each declared parameter."""
    document = yaml.safe_load(Path(PARAMS_FILE).read_text(encoding="utf-8"))
    values = {}
    for name in declared.params:
        value = document
        for part in name.split("."):
            value = value[part]
        values[name] = value
    return values


def require_unchanged(before: dict[str, str], after: dict[str, str]) -> None:
    """Raise `UserError` naming what changed between the start of a stage and its end."""
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        raise UserError(
            f"{', '.join(changed)} changed while the stage ran, so its result belongs to neither version. "
            "Nothing is recorded; run `dvc repro` again"
        )
