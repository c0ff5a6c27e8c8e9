"""Where the files of this process lie: those it was imported from, those it has mapped, those below a folder."""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


def imported_files() -> set[str]:
    """Return the absolute path of every file that an imported module came from."""
    origins = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {os.path.abspath(origin) for origin in origins if isinstance(origin, str)}


def mapped_files() -> set[str]:
    """Return the files that are mapped into this process's memory now; none where the system cannot tell."""
    with suppress(OSError):
        lines = Path("/proc/self/maps").read_bytes().splitlines()
        return {os.fsdecode(line[line.index(b"/") :]) for line in lines if b"/" in line}
    return set()


def source(path: str) -> str:
    """Return the source of a compiled module, whatever else unchanged."""
    if path.endswith(".pyc"):
        with suppress(ValueError, NotImplementedError):
            return importlib.util.source_from_cache(path)
    return path


def under(
    root: str | Path, paths: Iterable[str], ignore: Iterable[str], exists: Callable[[str], bool]
) -> list[str]:
    """Return paths relative to `root`, sorted: of those below it which exist and have no part that is ignored."""
    below, ignored = _Below(root), set(ignore)
    environment = below.name(sys.prefix)  # a virtual environment inside the folder is no part of it
    names = set()
    for path in paths:
        name = below.name(path)
        if name is None or ignored.intersection(name.split("/")) or not exists(path):
            continue
        if environment is None or not name.startswith(f"{environment}/"):
            names.add(name)
    return sorted(names)


class _Below:
    """Names paths relative to a folder, where they lie, however links lead there."""

    def __init__(self, root: str | Path) -> None:
        self._root = os.path.realpath(root)
        self._real = functools.cache(os.path.realpath)  # of folders: thousands of files lie in a few hundred

    def name(self, path: str) -> str | None:
        """Return the relative path, forward slashes, "." for the folder itself, None when it lies elsewhere."""
        lexical = os.path.normpath(path)
        folder, last = os.path.split(lexical)
        found = self._relative(lexical) or self._relative(os.path.join(self._real(folder), last))
        return found or (self._relative(os.path.realpath(lexical)) if os.path.islink(lexical) else None)

    def _relative(self, path: str) -> str | None:
        if path == self._root:
            return "."
        prefix = os.path.join(self._root, "")
        return path[len(prefix) :].replace(os.sep, "/") if path.startswith(prefix) else None
