"""How far rebuilt outs are from the committed ones, where the committed bytes are at hand."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

NUMBERS = (".json", ".jsonl", ".npy", ".npz", ".safetensors")


def how_far_apart(outs: Iterable[dict[str, Any]], rebuilt: Path, scratch: Path) -> dict[str, str]:
    """Measure each file of numbers among the outs whose hashes differ.

    **Arguments:** `outs`: `path`, `committed` (DVC's MD5, None when it was not there) and `matched` of each;
    `rebuilt`: the tree with the new ones; `scratch`: a folder for copies.
    **Returns:** path to words, in the order of `outs`; without what is in neither git nor DVC's cache here.
    """
    from resnetbk.repro.difference import distance_between

    cache = Path(subprocess.check_output([sys.executable, "-m", "dvc", "cache", "dir"], text=True).strip())
    apart = {}
    for out in outs:
        if out["matched"] or out["committed"] is None:
            continue
        committed = list(_committed_files(out["path"], out["committed"], cache / "files/md5"))
        if not committed:
            apart[out["path"]] = "its committed bytes are neither in git nor in DVC's cache here"
        for path, content in committed:
            if Path(path).suffix not in NUMBERS or not (rebuilt / path).is_file():
                continue
            copy = scratch / path  # a cached file has no ending, and a checkpoint is told by it
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(content, copy)
            distances = distance_between(copy, rebuilt / path)
            if not distances.identical:
                apart[path] = str(distances).replace("\n", "; ")
    return apart


def _committed_files(out: str, md5: str, cache: Path) -> Iterator[tuple[str, Path]]:
    """Yield the path of each file of an out, and where its committed bytes lie."""
    cached = cache / md5[:2] / md5[2:]
    if md5.endswith(".dir"):
        if cached.is_file():
            for entry in json.loads(cached.read_text(encoding="utf-8")):
                file = cache / entry["md5"][:2] / entry["md5"][2:]
                if file.is_file():
                    yield f"{out}/{entry['relpath']}", file
    elif cached.is_file():
        yield out, cached
    elif Path(out).is_file() and hashlib.md5(Path(out).read_bytes()).hexdigest() == md5:
        yield out, Path(out)
