"""Who works in a repository just now."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

from resnetbk.housekeeping.versions import COPIES


def at_work(root: Path) -> list[int]:
    """Return the processes that run a stage or DVC in the repository at `root`, or in a copy of it."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended meanwhile, or is another user's
            place, line = Path(process.cwd()), process.cmdline()
            inside = place == root or place.is_relative_to(root / COPIES)
            if inside and process.pid not in own and any(_is_ours(part) for part in line[:4]):
                found.append(process.pid)
    return found


def _is_ours(part: str) -> bool:
    return part.startswith("stages.") or os.path.basename(part) == "dvc"
