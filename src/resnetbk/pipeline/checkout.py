"""The repository in which a command stands: the checks that come before any work, and git's answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from resnetbk.errors import UserError


def require_repository() -> None:
    """Check that this is the root of a repository that can be written to.

    **Raises:** `UserError` saying which of these it is not, and what to do.
    """
    here = Path.cwd()
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{here}: no dvc.yaml here; run from the repository's root")
    if not Path(".git").exists():
        raise UserError(
            f"{here}: not the root of a git repository, which DVC and the record of a result need; clone the "
            "project with git, or `git init && git add -A && git commit -m Start` here"
        )
    if not os.access(here, os.W_OK):
        raise UserError(
            f"{here}: cannot be written to, and everything is made here; copy the repository to a folder that can"
        )


def git(*arguments: str) -> str:
    """Return what git says, without the line break at its end.

    **Raises:** `UserError` with git's own words when it fails.
    """
    try:
        done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError("git is not installed, and the last commit is what is asked for") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"`git {' '.join(arguments)}` failed: {error.stderr.strip()}") from None
    return done.stdout.rstrip()
