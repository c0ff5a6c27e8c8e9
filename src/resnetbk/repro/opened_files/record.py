"""The record of what one process opens, and the hook that writes it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resnetbk.repro.opened_files.places import imported_files, mapped_files, source, under

_active: list[Opened] = []
_installed: list[bool] = []  # a hook cannot be taken away again, so there is one for all records
_thread = threading.local()


@dataclass
class Opened:
    """What was seen. Paths are absolute, as they were asked for.

    `read`: files opened for reading; `made`: files emptied or created first, so that reading them later reads
    nothing foreign; `listed`: folders whose names were read; `programs`: what was started.
    """

    read: set[str] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    listed: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)

    def read_under(self, root: str | Path, *, ignore: Iterable[str] = ()) -> list[str]:
        """Return the files below a folder that were read, or imported by this process at any time.

        **Arguments:** `root`: the folder; `ignore`: names of files and folders that do not count, at any depth.
        **Returns:** sorted paths relative to `root`, forward slashes, of files that still exist; a link counts
        where it lies, not where it leads.
        """
        paths = {*self.read, *imported_files(), *(mapped_files() - self.made)}
        return under(root, map(source, paths), ignore, os.path.isfile)

    def listed_under(self, root: str | Path, *, ignore: Iterable[str] = ()) -> list[str]:
        """Return the folders below a folder, and itself as ".", whose contents were listed; see `read_under`."""
        return under(root, self.listed, ignore, os.path.isdir)


@contextmanager
def record_opened_files() -> Iterator[Opened]:
    """Record what this process, in all its threads, opens inside the `with` block.

    **Returns:** the record, which grows until the block ends. Blocks may nest.
    """
    opened = Opened()
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    _active.append(opened)
    try:
        yield opened
    finally:
        _active[:] = [record for record in _active if record is not opened]


@contextmanager
def not_an_input() -> Iterator[None]:
    """Leave out of every record what this thread opens inside the block.

    For files that decide where a result is kept (the name of a cache entry), and never what it is.
    """
    before, _thread.unrecorded = getattr(_thread, "unrecorded", False), True
    try:
        yield
    finally:
        _thread.unrecorded = before


def announce(path: str | Path) -> None:
    """Say that a file is about to be read by a library that does not go through Python's `open`."""
    sys.audit("open", os.fspath(path), "r", os.O_RDONLY)


def _hook(event: str, arguments: tuple) -> None:
    notice = _NOTICES.get(event)
    if notice is not None and _active and not getattr(_thread, "unrecorded", False):
        with suppress(TypeError, ValueError, OSError):  # a hook that raises would stop what it only watches
            for opened in _active:
                notice(opened, *arguments)


def _notice_open(opened: Opened, path: Any, mode: str | None, flags: int) -> None:
    if isinstance(path, int):
        return  # a descriptor: it was noticed when it was opened
    path = _absolute(path)
    fresh = flags & os.O_TRUNC or (flags & os.O_EXCL and flags & os.O_CREAT)
    if fresh and path not in opened.read:
        opened.made.add(path)
    elif not fresh and flags & os.O_ACCMODE != os.O_WRONLY:
        _notice_read(opened, path)


def _notice_rename(opened: Opened, old: Any, new: Any, *_: int) -> None:
    if _absolute(old) in opened.made:
        opened.made.add(_absolute(new))
    else:
        _notice_read(opened, old)


def _notice_read(opened: Opened, path: Any) -> None:
    if path is not None and (path := _absolute(path)) not in opened.made:
        opened.read.add(path)


def _notice_import(opened: Opened, module: str, path: str | None, *_: Any) -> None:
    _notice_read(opened, path)  # given for compiled extensions alone; others are opened


def _notice_listing(opened: Opened, path: Any) -> None:
    if not isinstance(path, int):
        opened.listed.add(_absolute("." if path is None else path))


def _notice_program(opened: Opened, program: Any, *_: Any) -> None:
    opened.programs.add(os.fsdecode(program))


def _absolute(path: Any) -> str:
    return os.path.join(os.getcwd(), os.fsdecode(path))


_NOTICES: dict[str, Callable[..., None]] = {
    "open": _notice_open,
    "os.rename": _notice_rename,
    "os.link": _notice_rename,
    "sqlite3.connect": _notice_read,
    "ctypes.dlopen": _notice_read,
    "import": _notice_import,
    "os.listdir": _notice_listing,
    "os.scandir": _notice_listing,
    "subprocess.Popen": _notice_program,
    "os.posix_spawn": _notice_program,
    "os.exec": _notice_program,
    "os.system": _notice_program,
}
