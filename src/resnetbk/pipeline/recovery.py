"""DVC's own files that a kill can leave cut short: DVC writes them in place and refuses to start over a torn one.

Both can be made anew. `.dvc/tmp/rwlock` names the processes that are running stages. `dvc.lock` names what stages
made: where it is gone, DVC finds their outs by their inputs in its run cache.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from resnetbk.repro.repository import main_root

SECONDS_TO_WRITE = 1.0  # more than a living process takes over either file


def recover() -> None:
    """Remove what a killed DVC left cut short of its lock files, and say so; whole ones are not touched."""
    for path, is_whole in ((main_root() / ".dvc/tmp/rwlock", _is_rwlock), (Path("dvc.lock"), _is_lock)):
        if path.exists() and not is_whole(path):
            time.sleep(SECONDS_TO_WRITE)
            if path.exists() and not is_whole(path):
                path.unlink()
                print(f"{path} was cut short, by a kill or a full disk; it is made anew")


def _is_rwlock(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def _is_lock(path: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import ParseError, load_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(load_yaml(path))
        return True
    except (ParseError, Invalid):
        return False
