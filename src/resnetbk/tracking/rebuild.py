"""Fills MLflow again from versioned files: every commit, every DVC experiment, and the working tree.

A version's files come out of git and DVC's cache into a temporary folder, and are sent as `track` sends those of
the working tree. Versions with the same dvc.lock hold the same results and are sent once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.params import PARAMS_FILE, Params, load_params
from resnetbk.repro.repository import main_root
from resnetbk.tracking.history import LOCK, Version, version_of, versions_of
from resnetbk.tracking.results import read_pipeline
from resnetbk.tracking.source import Source
from resnetbk.tracking.track import send_results

SHOWN = ("data/corpus/card.json", "metrics", "plots", "report", "params.yaml", LOCK)  # of a version, beside cells


def rebuild(revisions: Sequence[str] | None = None) -> bool:
    """Send the results of every version to MLflow; what is there already is left alone.

    **Arguments:** `revisions`: only these commits, branches, tags or DVC experiments; None for every one, and the
    working tree.
    **Returns:** whether all that could be read was taken; lines on stdout and stderr say what was not.
    **Raises:** `UserError` for a revision that git does not know.
    """
    main = main_root()
    versions = [version_of(main, revision) for revision in revisions] if revisions else list(versions_of(main))
    taken = True
    for version in versions:
        with tempfile.TemporaryDirectory(prefix="resnetbk-version-") as folder:
            print(f"{version}: ", end="", flush=True)
            taken &= _rebuild(version, Path(folder), main)
    if not revisions:
        print("working tree: ", end="", flush=True)
        taken &= _send(main, Source.here(main, main))
    return taken


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
    from dvc.api import DVCFileSystem

    files = DVCFileSystem(str(main), rev=version.commit)
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
