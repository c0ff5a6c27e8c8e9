"""The proof that a stage read no more than dvc.yaml declares.

A stage that reads a file which dvc.yaml does not name passes for up to date when that file changes. What it has
opened is seen by `resnetbk.repro.opened_files` and not taken from its source.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE
from resnetbk.repro.files import sha256_file
from resnetbk.repro.opened_files import Opened, imported_files
from resnetbk.stage.declaration import Declaration
from resnetbk.stage.inputs import declared_values
from resnetbk.stage.params import declares_all

# No part of the project: git and DVC themselves (dvc.lock is written after every stage: it can be no dependency),
# environments, views, and stores whose entries are named by hash.
IGNORED = (
    *(".git", ".dvc", "dvc.lock", ".venv", "__pycache__"),
    *(".cache", ".resume", ".resnetbk", "mlflow.db", "mlruns"),
)
NAMED = 10  # files in one message


def require_declared(declared: Declaration, opened: Opened) -> None:
    """Check that the project's files that were opened, imported or listed are all declared.

    Declared is what lies under `deps`; a stage's own outs; and a file whose present SHA-256 stands in a declared
    parameter or JSON file: an audit lists the code that it vouches for, `prepare.corpus` the hash of its text.
    params.yaml as a whole counts as declared when each of its sections is. A stage without outs promises nothing.

    **Arguments:** `opened`: the record of the stage's work, whose working directory was the repository's root.
    **Raises:** `UserError` naming what is not declared and what to add to dvc.yaml.
    """
    if not declared.outs:
        return
    root = Path.cwd()
    allowed = {*declared.deps, *declared.outs, *([str(PARAMS_FILE)] if declares_all(declared) else [])}
    hashes = _hashes_in_inputs(declared)
    files = [
        name
        for name in opened.read_under(root, ignore=IGNORED)
        if not _covered(name, allowed) and sha256_file(name) not in hashes
    ]
    # An import lists the folder it searches; a file written whole lists its own, to clear away unfinished ones.
    free = {os.path.relpath(path) for path in (*sys.path, *map(os.path.dirname, imported_files()))}
    free |= {os.path.dirname(out) for out in declared.outs}
    folders = [
        name
        for name in opened.listed_under(root, ignore=IGNORED)
        if not _covered(name, allowed) and name not in free
    ]
    if undeclared := [*files, *folders]:
        raise UserError(_message(declared, undeclared))


def _covered(name: str, declared: Collection[str]) -> bool:
    """Return whether a path is declared, or lies in a declared folder."""
    return any(name == path or name.startswith(f"{path}/") for path in declared)


def _hashes_in_inputs(declared: Declaration) -> set[str]:
    """Return every SHA-256 that stands in a declared parameter or in a JSON file declared by its own name."""
    texts = [json.dumps(declared_values(declared))]
    texts += [Path(path).read_text(encoding="utf-8") for path in declared.deps if path.endswith(".json")]
    return {digest for text in texts for digest in re.findall(r"\b[0-9a-f]{64}\b", text)}


def _message(declared: Declaration, undeclared: list[str]) -> str:
    shown = undeclared[:NAMED]
    more = [f"and {len(undeclared) - NAMED} more"] if len(undeclared) > NAMED else []
    return (
        f"it opened {', '.join([*shown, *more])}, which {declared.description} does not declare: a change there "
        f"would not run the stage again. Nothing is recorded. Add under {declared.stage}: deps: in "
        f"{declared.description}" + "".join(f"\n      - {name}" for name in shown)
    )
