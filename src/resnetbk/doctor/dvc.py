"""Does DVC read its repository, and does its remote answer?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from resnetbk.doctor.asking import refusal
from resnetbk.doctor.finding import Finding

TIMEOUT = 30  # seconds that a remote gets to answer


def examine_dvc(root: Path) -> Iterator[Finding]:
    """Yield whether dvc.yaml and the configuration can be read, and whether the default remote answers."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.version import __version__

    from resnetbk.tracking.secrets import without_secrets

    try:
        with Repo(str(root)) as repo:
            stages, config = len(repo.index.stages), repo.config
    except DvcException as error:
        reason = without_secrets(" ".join(f"{error} {error.__cause__ or ''}".split()))
        mend = "git checkout dvc.yaml .dvc/config; where no .dvc is: dvc init"
        yield Finding("DVC", "wrong", f"{__version__}: {reason}", mend)
        return
    yield Finding("DVC", "ok", f"{__version__}, {stages} stages")
    name, remotes = config["core"].get("remote"), config["remote"]
    if name:
        yield _remote(root, name, remotes.get(name, {}).get("url", ""))
    elif remotes:
        found = f"none is the default of {', '.join(remotes)}"
        yield Finding("DVC remote", "note", found, f"dvc remote default {next(iter(remotes))}")
    else:
        found = "none: what is made lies in .dvc/cache here and nowhere else"
        yield Finding("DVC remote", "note", found, "dvc remote add --default store URL; dvc push")


def _remote(root: Path, name: str, url: str) -> Finding:
    from resnetbk.tracking.secrets import without_secrets

    label = f"{name}, {without_secrets(url)}"
    mend = f"see that it is mounted or reachable and that you may use it; dvc remote modify {name} url URL"
    command = [sys.executable, "-m", "resnetbk.doctor.dvc_remote", name]
    if reason := refusal(command, TIMEOUT, cwd=root):
        return Finding("DVC remote", "wrong", f"{label}: {reason}", mend)
    return Finding("DVC remote", "ok", f"{label} answers")
