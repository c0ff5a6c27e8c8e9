"""The versions of a repository that hold results: commits and DVC's experiments."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resnetbk.errors import UserError

LOCK = "dvc.lock"
EXPERIMENTS = "refs/exps"  # DVC's: refs/exps/<2 digits>/<38 digits of the baseline>/<name>


@dataclass(frozen=True)
class Version:
    """A commit; `experiment` and `baseline` of a DVC experiment, else ""."""

    commit: str
    experiment: str = ""
    baseline: str = ""

    def __str__(self) -> str:
        return self.experiment or self.commit[:9]


def versions_of(main: Path) -> Iterator[Version]:
    """Yield the versions of a repository that hold results, the oldest commit first, then DVC's experiments."""
    seen = set()
    for commit in git(main, "log", "--branches", "--tags", "--reverse", "--format=%H", "--", LOCK).split():
        if (lock := _lock(main, commit)) not in {*seen, None}:
            seen.add(lock)
            yield Version(commit)
    yield from (version for version in experiments(main) if _lock(main, version.commit))


def version_of(main: Path, revision: str) -> Version:
    """Return the DVC experiment, or else the commit, that a revision names.

    **Raises:** `UserError` when git does not know it.
    """
    for version in experiments(main):
        if version.experiment == revision:
            return version
    return Version(git(main, "rev-list", "--max-count=1", revision, "--").strip())


def experiments(main: Path) -> Iterator[Version]:
    """Yield DVC's experiments, the oldest first."""
    form = "--format=%(objectname) %(refname)"
    for line in git(main, "for-each-ref", form, "--sort=creatordate", EXPERIMENTS).splitlines():
        commit, reference = line.split(" ", 1)
        parts = reference.removeprefix(f"{EXPERIMENTS}/").split("/")
        if len(parts) == 3 and len(parts[0]) == 2:  # others are DVC's own, such as its stash
            yield Version(commit, parts[2], parts[0] + parts[1])


def git(root: Path, *arguments: str) -> str:
    """Return what git says in `root`, deaf to the variables by which a hook points it at another repository.

    Bytes that are no UTF-8 come back by `.encode(errors="surrogateescape")`.

    **Raises:** `UserError` with git's own words when it fails.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=root, env=environment, capture_output=True)
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"`git {arguments[0]}` in {root} says: {said}")
    return done.stdout.decode(errors="surrogateescape")


def _lock(main: Path, commit: str) -> str | None:
    """Return the hash of a commit's dvc.lock, None where it has none."""
    listed = git(main, "ls-tree", commit, "--", LOCK).split()
    return listed[2] if listed else None
