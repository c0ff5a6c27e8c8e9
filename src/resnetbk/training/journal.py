"""The journal of a running training: a line of JSON for each thing that happens, for whoever watches.

It lies in .resnetbk, decides nothing and is no out, so it may hold times. A thread writes it: a disk that is slow,
full or gone holds no step up. Lines, in this order, all with `kind` and `time` (Unix seconds):

    begin    stage, cell, model, seed, steps, tokens_per_step, from_step, pid, experiment, commit, params (all of
             them, null where no stage has set them); in `tune`: trial
    points   step, tokens, metrics: name to number
    end      step, outcome: finished, interrupted, diverged or failed

A process that was killed leaves no `end`, and perhaps half a line. `resnetbk.tracking.journals` reads it.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

from resnetbk.repro.git import head_commit
from resnetbk.training.journal_writer import JournalWriter

Outcome = Literal["finished", "interrupted", "diverged", "failed"]

LAST_SECONDS = 10.0  # that the end of a training waits for a disk which does not answer


class Journal:
    """Appends lines to the file `path`; every method returns at once, and none ever raises for the disk's sake.

    What a disk refuses stays in memory and is tried again until `close`; one warning on standard error says so.

    **Arguments:** `path`: a file that does not exist yet, or None to write nothing; `header`: what `begin` says of
    the training, see the module for the names.
    """

    def __init__(self, path: Path | None = None, header: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self._header = dict(header or {})
        self._step: int | None = None  # the last that was told of; None before `begin`
        self._lines: SimpleQueue[dict[str, Any] | None] = SimpleQueue()  # unbounded: a line is a few hundred bytes
        self._thread: threading.Thread | None = None
        if path is not None:
            writer = JournalWriter(path, self._lines)
            self._thread = threading.Thread(target=writer.run, name=f"journal {path.name}", daemon=True)
            self._thread.start()

    def begin(self, from_step: int) -> None:
        """Write the header: the training goes on from so many steps."""
        self._step = from_step
        facts = {**self._header, "from_step": from_step, "pid": os.getpid()}
        self._write({"kind": "begin", "time": time.time(), **facts})

    def points(self, step: int, tokens: int, metrics: Mapping[str, float]) -> None:
        """Write the values of metrics after `step` steps on `tokens` tokens, those that are finite."""
        self._step = step
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        self._write({"kind": "points", "time": time.time(), "step": step, "tokens": tokens, "metrics": finite})

    def end(self, outcome: Outcome, step: int | None = None) -> None:
        """Write how the training ended, after `step` steps (else those told of last), if it has begun."""
        if self._step is not None:
            step = self._step if step is None else step
            self._write({"kind": "end", "time": time.time(), "step": step, "outcome": outcome})

    def sync(self) -> None:
        """Have all that was written so far reach the disk, so that it outlives the machine's power too."""
        self._write({})

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Write what is left and stop; give a disk that does not answer so many seconds."""
        if self._thread is None:
            return
        self._lines.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            print(f"WARNING: {self.path}: not written to its end; the disk does not answer", file=sys.stderr)
        self._thread = None

    def _write(self, line: dict[str, Any]) -> None:
        if self._thread is not None:
            self._lines.put(line)


def journal_folder(root: Path) -> Path:
    """Return the folder of the journals of the main repository at `root`."""
    return root / ".resnetbk" / "live"


def new_journal(root: Path, header: Mapping[str, Any]) -> Journal:
    """Return a journal under a name of its own, such as train-mamba-0-1f2e3d4c.jsonl, in the repository `root`.

    **Arguments:** `header`: stage, cell and what else is known; where the code comes from is added.
    """
    name = f"{header['stage']}-{header['cell']}-{secrets.token_hex(4)}.jsonl"
    origin = {
        "experiment": os.environ.get("DVC_EXP_NAME", ""),
        "params": json.loads(os.environ.get("RESNETBK_PARAMS", "null")),
        "commit": head_commit() or "",
    }
    return Journal(journal_folder(root) / name, {**header, **origin})
