"""Which machine made the committed results, so that a verification elsewhere can say why its bits differ.

metrics/environment.json holds what may decide bits and nothing that names a host. It is no out of DVC: it differs
from machine to machine where the results do not. It is written when dvc.lock differs from that of the last commit,
so that bringing a committed state up to date leaves the tree clean wherever that is done; `lock` is the SHA-256 of
the dvc.lock that it belongs to.
"""

from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from resnetbk.repro.files import sha256_file, write_json
from resnetbk.repro.levels import Level

RECORD = Path("metrics/environment.json")
LOCK = Path("dvc.lock")


def describe_machine(level: Level) -> dict[str, Any]:
    """Return what of this machine and its packages may decide the bits of a result made at a level."""
    from resnetbk.repro.difference import PACKAGES, environment_at

    found = environment_at(level)
    return {
        "level": level,
        "machine": platform.machine(),
        "cpu": {name: found["cpu"][name] for name in ("vendor", "model", "instruction_sets")},
        "python": found["python"],
        "packages": {name: found["packages"][name] for name in PACKAGES if name in found["packages"]},
        "torch": found["torch"],
        "environment": found["environment"],
        "portable_operators": found["portable_operators"],
        "requirements_lock": found["lock_sha256"],
    }


def record_machine(level: Level) -> None:
    """Note this machine as the one that made dvc.lock, unless dvc.lock is that of the last commit."""
    committed = subprocess.run(["git", "show", f"HEAD:{LOCK}"], capture_output=True).stdout
    lock = sha256_file(LOCK)
    if LOCK.read_bytes() != committed and (recorded_machine() or {}).get("lock") != lock:
        write_json(RECORD, {"lock": lock, **describe_machine(level)})


def recorded_machine() -> dict[str, Any] | None:
    """Return the record, None where there is none."""
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else None
