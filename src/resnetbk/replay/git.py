"""Git, deaf to the variables and hooks by which a repository would steer it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from resnetbk.replay.errors import NotCheckable


def git(folder: Path, *arguments: str, text: str | None = None) -> str:
    """Run git in a folder and return what it prints.

    **Arguments:** `text`: for its standard input.
    **Raises:** `NotCheckable` with git's own words when it fails or is not installed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", *arguments],
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
            input=(text or "").encode(),
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise NotCheckable("git is not installed, and without it the code of a run cannot be had") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[:300]
        raise NotCheckable(f"`git {arguments[0]}` in {folder} says: {said}")
    return done.stdout.decode(errors="replace")


def top_level(folder: Path) -> Path:
    """Return the root of the repository that a folder lies in.

    **Raises:** `NotCheckable` when it lies in none.
    """
    return Path(git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
