"""Which folder is the repository: the main one, also while an experiment runs in a copy of it."""

from __future__ import annotations

import os
from pathlib import Path


def main_root() -> Path:
    """Return the root of the main repository as an absolute path.

    `dvc exp run --queue` and `--temp` run stages in a copy that is thrown away; there DVC_ROOT still names the
    main repository. Without DVC it is the nearest folder upwards with .dvc or .git, else the current one.
    """
    if os.environ.get("DVC_ROOT"):
        return Path(os.environ["DVC_ROOT"]).resolve()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _is_root(folder)), here)


def _is_root(folder: Path) -> bool:
    return (folder / ".dvc").is_dir() or (folder / ".git").exists()
