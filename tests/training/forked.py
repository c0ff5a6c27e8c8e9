"""A small training in a process of its own, forked from a server that has imported everything once."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.training.forkserver import forkserver


class Forked:
    """A process that runs `function(*arguments)`, which a test can kill, signal and read."""

    def __init__(self, errors: Path, function: Callable[..., Any], *arguments: Any) -> None:
        self._errors = errors
        self._process: BaseProcess = forkserver().Process(target=_work, args=(errors, function, arguments))
        self._process.start()

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 120) -> tuple[int, str]:
        """Wait for the end; return the exit code (a signal's is negative) and what it wrote to standard error."""
        self._process.join(seconds)
        assert not self._process.is_alive(), f"still running after {seconds} s\n{self._errors.read_text()}"
        return self._process.exitcode, self._errors.read_text()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something has come true while the process is running."""
        while not condition():
            assert self.running, f"it ended too early\n{self._errors.read_text()}"
            time.sleep(0.01)


def _work(errors: Path, function: Callable[..., Any], arguments: tuple) -> None:
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    function(*arguments)
