"""Fills MLflow again from versioned files: every commit, every DVC experiment, and the working tree.

A version's files come out of git and DVC's cache into a temporary folder, and are sent as `track` sends those of
the working tree. Versions with the same dvc.lock hold the same results and are sent once.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE, Params, load_params
from resnetbk.repro.repository import main_root
from resnetbk.tracking.results import read_pipeline
from resnetbk.tracking.source import Source
from resnetbk.tracking.track import send_results

LOCK = "dvc.lock"
EXPERIMENTS = "refs/exps"  # DVC's: refs/exps/<2 digits>/<38 digits of the baseline>/<name>
SHOWN = ("data/corpus/card.json", "metrics", "plots", "report", "params.yaml", LOCK)  # of a version, beside cells


@dataclass(frozen=True)
class Version:
    """A commit that holds results; `experiment` and `baseline` of a DVC experiment, else ""."""

    commit: str
    experiment: str = ""
    baseline: str = ""

    def __str__(self) -> str:
        return self.experiment or self.commit[:9]


def rebuild(revisions: Sequence[str] | None = None) -> bool:
    """Send the results of every version to MLflow; what is there already is left alone.

    **Arguments:** `revisions`: only these commits, branches, tags or DVC experiments; None for every one, and the
    working tree.
    **Returns:** whether all that could be read was taken; lines on stdout and stderr say what was not.
    **Raises:** `UserError` for a revision that git does not know.
    """
    main = main_root()
    versions = [_version(main, revision) for revision in revisions] if revisions else list(versions_of(main))
    taken = True
    for version in versions:
        with tempfile.TemporaryDirectory(prefix="resnetbk-version-") as folder:
            print(f"{version}: ", end="", flush=True)
            taken &= _rebuild(version, Path(folder), main)
    if not revisions:
        print("working tree: ", end="", flush=True)
        taken &= _send(main, Source.here(main, main))
    return taken


def versions_of(main: Path) -> Iterator[Version]:
    """Yield the versions of a repository that hold results, the oldest commit first, then DVC's experiments."""
    seen = set()
    for commit in _git(main, "log", "--branches", "--tags", "--reverse", "--format=%H", "--", LOCK).split():
        if (lock := _lock(main, commit)) not in {*seen, None}:
            seen.add(lock)
            yield Version(commit)
    form = "--format=%(objectname) %(refname)"
    for line in _git(main, "for-each-ref", form, "--sort=creatordate", EXPERIMENTS).splitlines():
        commit, reference = line.split(" ", 1)
        parts = reference.removeprefix(f"{EXPERIMENTS}/").split("/")
        # Others are DVC's own, such as its stash.
        if len(parts) == 3 and len(parts[0]) == 2 and _lock(main, commit):
            yield Version(commit, parts[2], parts[0] + parts[1])


def _rebuild(version: Version, folder: Path, main: Path) -> bool:
    """Send one version; one that cannot be read is a line, and no fault of this command."""
    git = dict.fromkeys(("branch", "remote", "diff", "untracked", "reason"))
    provenance = {"git": git | {"commit": version.commit, "dirty": False}}
    found = "the commit that holds the results: there is no record of their making"
    try:
        check_out(version, folder, main)
    except UserError as error:
        print(f"not restored: {error}")
        return True
    source = Source(folder, main, version.experiment, version.baseline, provenance, found)
    return _send(folder, source, again=f"resnetbk tracking rebuild --rev {version}")


def _send(root: Path, source: Source, *, again: str = "resnetbk tracking rebuild") -> bool:
    try:
        whole = read_pipeline(load_params(root / PARAMS_FILE), source)
    except UserError as error:
        print(f"not restored: {str(error).replace(f'{root}/', '')}")
        return True
    return send_results(whole, source.main, again=again)


def check_out(version: Version, folder: Path, main: Path) -> None:
    """Put the files that MLflow shows of a version into a folder.

    **Raises:** `UserError` when DVC's cache does not hold them all, or its parameters are of another schema.
    """
    files = _files(main, version.commit)
    for name in (str(PARAMS_FILE), LOCK):
        files.get_file(name, str(folder / name))
    params = load_params(folder / PARAMS_FILE)
    for name in (*SHOWN, *_cells(params)):
        if not files.exists(name):
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            files.get(name, str(folder / name), recursive=True)
        except FileNotFoundError as error:
            raise UserError(
                f"{name} is not in DVC's cache ({error}); `dvc fetch --all-commits` asks the remote for it"
            ) from None


def _cells(params: Params) -> list[str]:
    return [f"models/{model}-{seed}" for model in params.run.models for seed in params.run.seeds]


def _files(main: Path, commit: str) -> Any:
    """Return a commit's files as DVC sees them: those of git, and the outs that its cache holds."""
    from dvc.api import DVCFileSystem

    return DVCFileSystem(str(main), rev=commit)


def _version(main: Path, revision: str) -> Version:
    for version in versions_of(main):
        if version.experiment == revision:
            return version
    return Version(_git(main, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip())


def _lock(main: Path, commit: str) -> str | None:
    """Return the hash of a commit's dvc.lock, None where it has none."""
    listed = _git(main, "ls-tree", commit, "--", LOCK).split()
    return listed[2] if listed else None


def _git(main: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=main, env=environment, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip() or "no such revision"
        raise UserError(f"git {' '.join(arguments)}: {reason}")
    return done.stdout
