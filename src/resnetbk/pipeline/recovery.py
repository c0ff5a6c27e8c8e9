"""DVC's own files as a kill can leave them, so that DVC does not start: cut short, or naming one who is no more.

DVC writes both in place, and both can be made anew. `.dvc/tmp/rwlock` names the processes that are running stages.
`dvc.lock` names what stages made: where it is gone, DVC finds their outs by their inputs in its run cache.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psutil

from resnetbk.repro.files import write_json
from resnetbk.repro.repository import main_root

SECONDS_TO_WRITE = 1.0  # more than a living process takes over either file


def recover() -> None:
    """Remove what a killed DVC left cut short of its lock files, and the claims of processes that are no more.

    What is removed is said. Whole files and the claims of a DVC that lives are not touched.
    """
    claims = main_root() / ".dvc/tmp/rwlock"
    for path, is_whole in ((claims, _is_rwlock), (Path("dvc.lock"), _is_lock)):
        if path.exists() and not is_whole(path):
            time.sleep(SECONDS_TO_WRITE)
            if path.exists() and not is_whole(path):
                path.unlink()
                print(f"{path} was cut short, by a kill or a full disk; it is made anew")
    if claims.exists() and (held := _read(claims)) and _living(held) != held:
        _remove_the_dead(claims)


def _remove_the_dead(claims: Path) -> None:
    """Do so while no DVC writes.

    DVC removes a claim itself when no process has its number; a zombie keeps it, and numbers are given away anew.
    """
    from dvc.lock import make_lock

    with make_lock(f"{claims}.lock", tmp_dir=str(claims.parent), wait=True):
        write_json(claims, _living(json.loads(claims.read_bytes())))
    print(f"{claims} named killed processes; they are removed")


def _living(held: dict[str, Any]) -> dict[str, Any]:
    """Return the claims without those of the dead: one holder of each path written, a list of each path read."""
    writes = {path: holder for path, holder in held.get("write", {}).items() if _lives(holder)}
    reads = {path: list(filter(_lives, holders)) for path, holders in held.get("read", {}).items()}
    found = {"write": writes, "read": {path: holders for path, holders in reads.items() if holders}}
    return {mode: found[mode] for mode in held}


def _lives(holder: dict[str, Any]) -> bool:
    """Return whether the process is there still, and is a DVC."""
    try:
        process = psutil.Process(holder["pid"])
        return process.status() != psutil.STATUS_ZOMBIE and any("dvc" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # of somebody else: nobody here can tell


def _read(claims: Path) -> dict[str, Any] | None:
    """Return what the file holds, None when it is cut short: a living DVC may be writing it."""
    try:
        held = json.loads(claims.read_bytes())
    except ValueError:
        return None
    return held if isinstance(held, dict) else None


def _is_rwlock(path: Path) -> bool:
    return _read(path) is not None


def _is_lock(path: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import ParseError, load_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(load_yaml(path))
        return True
    except (ParseError, Invalid):
        return False
