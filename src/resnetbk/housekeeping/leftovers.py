"""What processes that were killed left behind: unfinished files, and copies of the repository."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from resnetbk.housekeeping.finding import Finding
from resnetbk.housekeeping.versions import copies

ELSEWHERE = {".git", ".venv", "node_modules", "mlruns"}  # folders in which nothing of ours is written


def unfinished_files(root: Path) -> Iterator[Finding]:
    """Yield the unfinished versions of files whose process is gone; `resnetbk.repro.files` names them so."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in ELSEWHERE and Path(folder, name) != root / ".dvc"]
        for name in [*files, *folders]:
            found = re.fullmatch(r"\..+\.(\d+)\.partial", name)
            if found and not psutil.pid_exists(int(found[1])):
                path = Path(folder, name)
                remove = partial(shutil.rmtree, path) if path.is_dir() else path.unlink
                yield Finding("unfinished file", path.relative_to(root).as_posix(), size_of(path), remove)


def dead_copies(root: Path) -> Iterator[Finding]:
    """Yield the copies of the repository in which an experiment ran that was killed; ask when none runs."""
    for path in copies(root):
        name = path.relative_to(root).as_posix()
        yield Finding("copy of a killed experiment", name, size_of(path), partial(shutil.rmtree, path))


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if not path.is_dir():
        return path.lstat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
