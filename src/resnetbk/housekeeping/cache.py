"""DVC's cache: which of its objects a version of the project needs.

More is kept than `dvc gc --all-commits --all-experiments` keeps: also what is queued, what failed, and whatever a
dvc.lock names, be it an out or a dependency, of a stage that is still there or not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from resnetbk.housekeeping.finding import Finding
from resnetbk.housekeeping.versions import Versions


class Cache:
    """The objects of DVC's cache in the folder `path` (that of files/ and runs/)."""

    def __init__(self, path: Path, versions: Versions) -> None:
        self._objects, self._versions = path / "files/md5", versions
        self._sha256: dict[str, str | None] = {}

    @cached_property
    def needed(self) -> set[str]:
        """The MD5 of every object that a version names, and of the files in the folders among them."""
        named = {md5 for lock in self._versions.locks for md5 in re.findall(r"\b[0-9a-f]{32}(?:\.dir)?", lock)}
        return named | {entry for md5 in named for entry in self.folder(md5).values()}

    def unneeded(self) -> Iterator[Finding]:
        """Yield the objects that no version needs."""
        for path in sorted(self._objects.glob("??/*")):
            md5 = path.parent.name + path.name
            if re.fullmatch(r"[0-9a-f]{32}(\.dir)?", md5) and md5 not in self.needed:
                yield Finding("object of DVC's cache", md5, path.stat().st_size, path.unlink)

    def folder(self, md5: str) -> dict[str, str]:
        """Return path to MD5 of the files in a cached folder; nothing for a file, or what is not in the cache."""
        path = self.path(md5)
        if not md5.endswith(".dir") or not path.is_file():
            return {}
        return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_bytes())}

    def path(self, md5: str) -> Path:
        """Return where an object is, or would be."""
        return self._objects / md5[:2] / md5[2:]

    def sha256(self, md5: str) -> str | None:
        """Return the SHA-256 of a cached file, None when it is not in the cache."""
        if md5 not in self._sha256:
            path = self.path(md5)
            self._sha256[md5] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        return self._sha256[md5]
