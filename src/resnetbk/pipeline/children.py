"""Commands run side by side, and a signal that reaches the work which they started.

SIGTERM to a program ends that program alone: what it has started runs on, unseen. A terminal's Ctrl-C goes to all
of them at once, so that a training would be told twice, of which the second means "now". So the commands run in
sessions of their own, and the one signal that arrives here is passed on, once, to the work itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

import psutil

from resnetbk.training.interruption import stop_signals

SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh"}
POLL = 0.1  # seconds
PATIENCE = 15  # seconds that DVC gets to record what is finished, unless it only waits for another's lock


def run_together(
    commands: list[list[str]], jobs: int, *, show: Callable[[str], bool] = bool, dvc: bool = False, **options: Any
) -> list[int]:
    """Run commands, `jobs` at a time, and pass their output on line by line.

    **Arguments:** `show`: says of a line whether it is passed on; `dvc`: whether the commands are DVC's, so that a
    signal is for the stages which they run; `options`: `cwd` and `env` of `subprocess.Popen`.
    **Returns:** their exit codes.
    **Raises:** `SystemExit` with 128 + the signal after SIGTERM or Ctrl-C: no command is begun any more, each
    stage that runs has got the signal, and all have ended. A second signal does not wait for them.
    """
    running: list[_Child] = []
    with stop_signals() as stopped, ThreadPoolExecutor(jobs) as pool:

        def run(command: list[str]) -> int:
            if stopped():
                return 128 + stopped()
            child = _Child(command, dvc, options)
            running.append(child)
            return child.follow(show)

        futures = [pool.submit(run, command) for command in commands]
        while wait(futures, POLL).not_done:
            if stopped():
                for child in running:
                    child.interrupt(stopped())
        if stopped():
            name = signal.Signals(stopped()).name
            print(f"Stopped by {name}. What is finished is kept; run again to go on.", file=sys.stderr)
            sys.exit(128 + stopped())
    return [future.result() for future in futures]


class _Child:
    """A command: one that sees to what it starts, or DVC, which starts a shell, which starts a stage."""

    def __init__(self, command: list[str], dvc: bool, options: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **options,
        )
        self._dvc = dvc
        self._told: set[psutil.Process] = set()
        self._idle_since: float | None = None

    def follow(self, show: Callable[[str], bool]) -> int:
        """Pass the output on to its end, which is when the last process that writes to it has ended."""
        for line in self._process.stdout:
            if line.strip() and show(line):
                print(line, end="", flush=True)
        return self._process.wait()

    def interrupt(self, number: int) -> None:
        """Send a signal to the command, or to the stages of DVC; once to each process."""
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            own = psutil.Process(self._process.pid)
            work = (
                [process for child in own.children() for process in _behind_shell(child)] if self._dvc else [own]
            )
            self._idle_since = None if work else self._idle_since or time.monotonic()
            if self._idle_since and time.monotonic() - self._idle_since > PATIENCE:
                work, number = [own], signal.SIGINT  # upon which DVC gives its locks back
            for process in work:
                if process not in self._told:
                    self._told.add(process)
                    process.send_signal(number)


def _behind_shell(process: psutil.Process) -> list[psutil.Process]:
    """Return the processes that a shell runs, or the process itself when it is none."""
    if os.path.basename(process.name()) not in SHELLS:
        return [process]
    return [found for child in process.children() for found in _behind_shell(child)]
