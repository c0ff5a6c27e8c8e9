"""One process at a time trains a cell: a lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from resnetbk.errors import UserError


@contextmanager
def cell_lock(cell: str, *paths: Path) -> Iterator[None]:
    """Hold the locks of a cell: of its outs and of its resume state, which experiments share.

    **Arguments:** `cell`: its name, for the message; `paths`: the lock files, made here and removed at the end.
    **Raises:** `UserError` naming the process that holds one, or the folder in which none can be made.
    """
    with ExitStack() as held:
        for path in paths:
            held.enter_context(_hold(cell, path))
        yield


@contextmanager
def _hold(cell: str, path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, blocking=False)
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{cell} is being trained by {_holder(path)} already, which holds {path}. Nothing was changed. "
            "Wait until it has finished or stop it, then run again"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}), and the state from which a killed training goes on "
            "has to stand beside it. Make the folder writable, then run again"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: whoever had opened it sees that and is refused
        lock.release()


def _holder(path: Path) -> str:
    """Say which process has a file open, as far as this user may know."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(file.path == str(path) for file in process.open_files()):
                return f"process {process.pid}"
        except psutil.Error:
            continue
    return "another process"
