"""A trial as DVC runs it: an experiment in a copy of the repository, whose output goes to a file.

DVC holds a lock on that file for as long as it or a stage lives. So a sweep that was killed finds, when it is run
again, the experiments that have outlived it, and waits for them instead of beginning them twice.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from resnetbk.pipeline.checkout import git
from resnetbk.repro.repository import main_root
from resnetbk.watch.processes import Process, running_stages


class Experiment:
    """An experiment that runs; it is begun unless one of its name and log is running already.

    **Arguments:** `name`: of the experiment; `overrides`: for DVC's `-S`; `log`: the file for its output.
    """

    def __init__(self, name: str, overrides: list[str], log: Path) -> None:
        self.name, self._log, self._process = name, log, None
        self._told: set[Process] = set()
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as file:
            if _locked(file):
                command = [sys.executable, "-m", "dvc", "--wait-for-lock", "exp", "run", "--temp", "--name", name]
                self._process = subprocess.Popen(
                    [*command, *(part for text in overrides for part in ("--set-param", text))],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a terminal's Ctrl-C is passed on once, by `interrupt`
                )

    def ended(self) -> bool:
        """Return whether DVC and all that it has started have ended."""
        if self._process is not None and self._process.poll() is None:
            return False
        with open(self._log, "ab") as file:
            return _locked(file)

    def interrupt(self, number: int) -> None:
        """Send a signal to the stages that run, once to each: a training saves its state, and DVC ends with it."""
        for stage in running_stages(main_root()):
            if stage.experiment == self.name and stage not in self._told:
                self._told.add(stage)
                with suppress(ProcessLookupError):
                    os.kill(stage.pid, number)

    def error(self) -> str:
        """Return the line by which a stage, or else DVC, says why it failed."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line for line in lines if line.startswith("ERROR")]
        of_stages = [line for line in said if line.startswith("ERROR in")]
        return (of_stages or said or [f"it ended without a word, see {self._log}"])[-1]


def experiment_commit(baseline: str, name: str) -> str | None:
    """Return the commit of an experiment that was run on the commit `baseline`, None when there is none."""
    return git("for-each-ref", "--format=%(objectname)", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}") or None


def _locked(file) -> bool:
    """Take the kernel's lock on an open file, which children inherit with it; return whether it was free."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
