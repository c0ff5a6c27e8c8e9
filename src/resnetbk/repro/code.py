"""Which code ran: the source files of a package that this process has really imported."""

from __future__ import annotations

import sys
from pathlib import Path

from resnetbk.repro.files import sha256_file


def imported_sources(root: Path, *packages: str) -> dict[str, str]:
    """Return path (relative to `root`, forward slashes) to SHA-256 of every imported file of some packages.

    **Arguments:** `root`: the repository's root; `packages`: dotted names, such as `"resnetbk.models"`.
    """
    files = set()
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if origin and any(name == package or name.startswith(package + ".") for package in packages):
            files.add(Path(origin).resolve())
    root = root.resolve()
    return {file.relative_to(root).as_posix(): sha256_file(file) for file in sorted(files)}
