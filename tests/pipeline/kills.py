"""A project that is killed, with all that it started, and run again."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import suppress

import psutil
from tests.pipeline.project import Project

GROWTH = 1.05  # a step that takes longer than any time to the next kill would never be done


class Running:
    """A command of a project in a process group of its own, as a terminal would start it."""

    def __init__(self, project: Project, *command: str) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=project.path,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def signal(self, number: int) -> None:
        """Send a signal to the command and to all in its process group, as a terminal does."""
        assert self.process.poll() is None, f"it had finished before\n{self.process.communicate()[0]}"
        os.killpg(self.process.pid, number)

    def finish(self, seconds: float) -> bool:
        """Return whether it ends within this time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def output(self) -> str:
        """Wait for the end of everything and return what it said."""
        return self.process.communicate()[0]


def kill(running: Running) -> str:
    """Send SIGKILL to a command and to all that it started, in whatever session; return what had been said."""
    family = [psutil.Process(running.process.pid)]
    for process in family:  # which grows meanwhile
        with suppress(psutil.NoSuchProcess):
            process.suspend()  # so that it starts no other
            family += process.children()
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return running.output()


def kill_until_done(project: Project, draw: random.Random, longest: float, *command: str) -> list[float]:
    """Run a command, kill it after a random time, run it again, until it is done; return the times of the kills.

    **Arguments:** `longest`: seconds; a kill comes at a time between 0 and this, drawn by `draw`. It grows with
    each kill: the machine may have become slower.
    """
    times = []
    while True:
        seconds = draw.uniform(0, longest * GROWTH ** len(times))
        running = Running(project, *command)
        if running.finish(seconds):
            said = running.output()
            assert running.process.returncode == 0, f"after kills at {times}:\n{said}"
            return times
        kill(running)
        times.append(round(seconds, 2))
        print(f"killed after {seconds:.2f} s", flush=True)


def seconds_of(project: Project, *command: str) -> float:
    """Run a command undisturbed and return how long it took."""
    start = time.monotonic()
    running = Running(project, *command)
    said = running.output()
    assert running.process.returncode == 0, said
    return time.monotonic() - start
