"""dvc.lock: what each stage was made of and what it made, by hash."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from resnetbk.repro.files import sha256_json, write_bytes


@dataclass(frozen=True)
class Compared:
    """The hash of one out (`path`, made by `stage`) in two locks, None in the one that lacks it."""

    stage: str
    path: str
    committed: str | None
    rebuilt: str | None

    @property
    def matched(self) -> bool:
        return self.committed == self.rebuilt


def read_lock(path: Path) -> dict[str, dict]:
    """Return the entry of each stage, in the order of the file, as DVC reads it."""
    from dvc.utils.serialize import load_yaml

    return load_yaml(path).get("stages", {})


def compare_outs(committed: dict[str, dict], rebuilt: dict[str, dict]) -> list[Compared]:
    """Compare the outs of two locks, in the order in which the rebuilt one made them."""
    stages = [*rebuilt, *(name for name in committed if name not in rebuilt)]
    compared = []
    for stage in stages:
        before, after = _outs(committed.get(stage)), _outs(rebuilt.get(stage))
        for path in [*after, *(path for path in before if path not in after)]:
            compared.append(Compared(stage, path, before.get(path), after.get(path)))
    return compared


def changed_inputs(committed: dict[str, dict], rebuilt: dict[str, dict]) -> list[str]:
    """Return the stages that were committed with other code, data or parameters than they are rebuilt from."""
    return [name for name in rebuilt if _inputs(committed.get(name)) != _inputs(rebuilt[name])]


def tidy_lock(path: Path) -> None:
    """Put the entries of dvc.lock in the order of dvc.yaml and drop those of stages that are no more.

    DVC appends an entry when a stage ends, so cells that run side by side would leave an order made by chance;
    and it keeps the entries of a cell that left the matrix, while `dvc status` says that all is well.
    """
    head, *blocks = re.split(r"^(?=  \S+:$)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = {block.split(":", 1)[0].strip(): block for block in blocks}
    listed = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    for name in entries.keys() - set(listed):
        print(f"dvc.lock: dropped {name}, which dvc.yaml no longer makes")
    tidy = head + "".join(entries[name] for name in listed if name in entries)
    write_bytes(path, tidy.encode())


def _outs(entry: dict | None) -> dict[str, str]:
    return {out["path"]: out["md5"] for out in (entry or {}).get("outs", [])}


def _inputs(entry: dict | None) -> str:
    return sha256_json({key: value for key, value in (entry or {}).items() if key != "outs"})
