"""How far a long job is: a bar on a terminal, a line every few seconds elsewhere. Always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

SECONDS_BETWEEN_LINES = 15.0


class Advance(Protocol):
    def __call__(self, count: int) -> None: ...


@contextmanager
def progress(label: str, unit: str, *, total: int | None = None, done: int = 0) -> Iterator[Advance]:
    """Show the progress of a job.

    **Arguments:** `label`: what is being done; `unit`: what is counted, plural; `total`: how many there
    will be, where that is known; `done`: how many were done before.
    **Returns:** a context manager giving a function to call with the number of units just done.
    """
    if sys.stderr.isatty():
        with _bar(label, unit, total, done) as advance:
            yield advance
    else:
        yield _lines(label, unit, total, done)


@contextmanager
def _bar(label: str, unit: str, total: int | None, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), unit, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


def _lines(label: str, unit: str, total: int | None, done: int) -> Advance:
    last = time.monotonic()

    def advance(count: int) -> None:
        nonlocal done, last
        done += count
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{label}: {done:,}{f' of {total:,}' if total else ''} {unit}", file=sys.stderr, flush=True)

    return advance
