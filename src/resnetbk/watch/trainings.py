"""How far each training is, from its journal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from resnetbk.tracking.journals import open_journals, read_journal

RECENT = 50  # points over which the pace is taken: compiling at the start would slow it


@dataclass
class Training:
    """What a journal says so far; times are Unix seconds, losses nats per token."""

    begin: dict[str, Any]
    points: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RECENT))  # time, step
    loss: float | None = None
    validation_loss: float | None = None
    offset: int = 0

    @property
    def stage(self) -> str:
        """The stage and its cell, such as `train@mamba-0`."""
        return f"{self.begin['stage']}@{self.begin['cell']}"

    @property
    def steps(self) -> int:
        return self.begin["steps"]

    @property
    def step(self) -> int:
        return self.points[-1][1] if self.points else self.begin["from_step"]

    @property
    def seconds_per_step(self) -> float | None:
        """The recent pace; None before two points are there."""
        if len(self.points) < 2:
            return None
        (start, first), (end, last) = self.points[0], self.points[-1]
        return (end - start) / (last - first) if last > first else None

    def seconds_left(self, now: float) -> float | None:
        """Return how long it will take from `now` on at its recent pace; None before there is one."""
        pace = self.seconds_per_step
        if pace is None:
            return None
        return max(0.0, (self.steps - self.step) * pace - (now - self.points[-1][0]))

    @property
    def tokens_per_second(self) -> float | None:
        pace = self.seconds_per_step
        return self.begin["tokens_per_step"] / pace if pace else None

    def tree(self) -> Path | None:
        """Return the folder in which its process runs; None once it is gone."""
        try:
            return Path(psutil.Process(self.begin["pid"]).cwd())
        except psutil.Error:
            return None


class Trainings:
    """The journals of the main repository at `root`, each read on from where it was read before."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trainings: dict[Path, Training] = {}

    def look(self) -> list[Training]:
        """Return all trainings that have a journal, the last begun last."""
        journals = open_journals(self._root)
        for path in self._trainings.keys() - set(journals):
            del self._trainings[path]
        for path in journals:
            training = self._trainings.get(path)
            try:
                records, offset = read_journal(path, training.offset if training else 0)
            except FileNotFoundError:  # removed since it was listed
                continue
            if training is None and records and records[0]["kind"] == "begin":
                training = self._trainings[path] = Training(records[0])
            if training is not None:
                for record in records:
                    _take(training, record)
                training.offset = offset
        return sorted(self._trainings.values(), key=lambda training: training.begin["time"])


def _take(training: Training, record: dict[str, Any]) -> None:
    if record["kind"] == "points":
        if not training.points or record["step"] > training.points[-1][1]:
            training.points.append((record["time"], record["step"]))
        metrics = record["metrics"]
        training.loss = metrics.get("train/loss", training.loss)
        training.validation_loss = metrics.get("validation/loss", training.validation_loss)
