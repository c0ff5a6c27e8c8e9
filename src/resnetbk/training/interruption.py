"""SIGTERM and Ctrl-C as a wish that the training grants once its step is done and saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Interrupted(SystemExit):
    """A training that a signal stopped, after it had saved its state; the exit code is 128 + the signal."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(128 + number)
        self.step = step


@contextmanager
def stop_signals() -> Iterator[Callable[[], int]]:
    """Hold SIGTERM and Ctrl-C back: yield a function that returns the number of the signal received, 0 before any.

    A second signal ends the process at once, as it would have without this. A signal that was ignored before (as
    Ctrl-C is by `nohup` and by background jobs of a script) stays ignored. Outside the main thread, which alone
    may take signals in Python, nothing is changed and the answer is always 0.
    """
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        received.append(number)

    previous = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in SIGNALS}
        previous = {number: old for number, old in found.items() if old not in (signal.SIG_IGN, None)}
    for number in previous:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else 0
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
