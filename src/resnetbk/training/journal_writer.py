"""The thread that puts a journal on the disk."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

RETRY_SECONDS = 1.0  # between attempts to write to a disk that refuses


class JournalWriter:
    """Takes lines from a queue and appends them to a file, until None comes; an empty line asks for a sync."""

    def __init__(self, path: Path, lines: SimpleQueue[dict[str, Any] | None]) -> None:
        self._path, self._lines = path, lines
        self._file: int | None = None
        self._pending = bytearray()  # a write that stopped half-way goes on where it stopped
        self._unsynced = False
        self._warned = False

    def run(self) -> None:
        last = False
        while not last:
            last = self._take()
            try:
                self._put_down()
            except OSError as error:
                self._say(error, last)
        if self._file is not None:
            os.close(self._file)

    def _take(self) -> bool:
        """Move lines from the queue to `_pending`; return whether the last has come."""
        owing = self._pending or self._unsynced
        try:
            line = self._lines.get(timeout=RETRY_SECONDS if owing else None)
            while line is not None:
                if line:
                    self._pending += json.dumps(line, separators=(",", ":")).encode() + b"\n"
                else:
                    self._unsynced = True
                line = self._lines.get_nowait()
        except Empty:
            return False
        self._unsynced = True
        return True

    def _put_down(self) -> None:
        if self._file is None:
            if not self._pending:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
        while self._pending:
            del self._pending[: os.write(self._file, self._pending)]
        if self._unsynced:
            os.fsync(self._file)
            self._unsynced = False

    def _say(self, error: OSError, last: bool) -> None:
        if last:
            lost = self._pending.count(b"\n")
            print(f"WARNING: {self._path}: {lost} lines are lost ({error.strerror})", file=sys.stderr)
        elif not self._warned:
            self._warned = True
            print(
                f"WARNING: {self._path}: cannot be written ({error.strerror}); the training goes on, and "
                "its journal follows once it can",
                file=sys.stderr,
            )
