"""Reads the journals of trainings, while they grow and after; see `resnetbk.training.journal`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import psutil

from resnetbk.training.journal import Outcome, journal_folder

Record = dict[str, Any]

CLOCK_SLACK = 2.0  # seconds between a system's idea of when a process began and its own clock


def open_journals(root: Path) -> list[Path]:
    """Return the journals of the main repository at `root`, sorted by name; none where nothing was trained."""
    return sorted(journal_folder(root).glob("*.jsonl"))


def read_journal(path: Path, offset: int = 0) -> tuple[list[Record], int]:
    """Return what stands in a journal from byte `offset` on.

    Half a line at the end is left for the next reading; a whole line that is no JSON object is passed over.

    **Returns:** the records, and the offset to go on from.
    **Raises:** `OSError` when it cannot be read.
    """
    with open(path, "rb") as file:
        file.seek(offset)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    return [record for line in whole.splitlines() if (record := _record(line))], offset + len(whole)


def journal_outcome(records: list[Record]) -> Outcome | Literal["running", "killed"]:
    """Return how the training of a whole journal ended: `killed` when it did not say so and its process is gone.

    **Arguments:** `records`: from the first, which `begin` is.
    """
    last = records[-1]
    if last["kind"] == "end":
        return last["outcome"]
    return "running" if _runs(records[0]) else "killed"


def _runs(begin: Record) -> bool:
    """Return whether the process that began a journal is there; a later one may have its number."""
    try:
        process = psutil.Process(begin["pid"])
        return process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= begin["time"] + CLOCK_SLACK
    except psutil.NoSuchProcess:
        return False


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "kind" in record else None
