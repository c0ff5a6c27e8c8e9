"""Completion in real shells: a key is pressed in a terminal, and the shell runs what it made of the line."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 30
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(resnetbk completion bash)"),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(resnetbk completion zsh)"'),
}
TYPED = {
    "resnetbk determ\t": "determinism",
    "resnetbk verify --cert\t": "verify --certificate",
    "resnetbk preset use mamba_\t": "preset use mamba_comparison",
    "resnetbk determinism --level port\t": "determinism --level portable",
    "resnetbk verify require\t": "verify requirements.lock",
}


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, {**os.environ, "PATH": path, "TERM": "dumb", "PS1": "$ "})

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def read_until(self, pattern: str) -> str:
        """Return what appears up to a pattern."""
        said, end = "", time.monotonic() + SECONDS
        while not re.search(pattern, said):
            assert time.monotonic() < end, f"{pattern!r} did not appear:\n{said}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                said += os.read(self._terminal, 4096).decode(errors="replace")
        return said

    def close(self) -> None:
        os.close(self._terminal)  # hangs up
        os.waitpid(self._pid, 0)


def complete(shell: str, typed: str, *, script: bool = True) -> str:
    """Return the arguments that a command line has once a shell has completed it."""
    command, source = SHELLS[shell]
    terminal = Terminal(command, ROOT)
    try:
        # The names are put together by the shell, or its echo of what is typed would be taken for its answer.
        terminal.type(f"{source if script else 'true'}; echo rea''dy\n")
        terminal.read_until("ready")
        terminal.type("resnetbk() { echo go''t: \"$@\" en''d; }; echo defi''ned\n")
        terminal.read_until("defined")
        terminal.type(f"{typed}\n")
        return re.search(r"got: (.*?) end", terminal.read_until(r"got: .* end"))[1]
    finally:
        terminal.close()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("typed", TYPED)
def test_a_key_completes(shell: str, typed: str):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert complete(shell, typed).strip() == TYPED[typed]


def test_without_the_script_nothing_is_completed():
    assert complete("bash", "resnetbk determ\t", script=False) == "determ"
