"""What is to be seen of a pipeline at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from resnetbk.watch.trainings import Training

State = Literal["done", "running", "waiting"]


@dataclass(frozen=True)
class Cell:
    """A stage, or one cell of its matrix: `since` is when it started (Unix seconds), where it runs.

    `training`: what its journal says, where it runs and has one; `result`: the last validation loss (nats per
    token) of a training that is done; `expected`: seconds that a training which waits will take, None where
    nothing was recorded from which to tell.
    """

    name: str
    state: State
    since: float | None = None
    training: Training | None = None
    result: float | None = None
    expected: float | None = None

    @property
    def stage(self) -> str:
        return self.name.split("@")[0]


@dataclass(frozen=True)
class Tree:
    """The cells of the repository, or of an experiment's copy of it."""

    title: str
    cells: tuple[Cell, ...]

    def count(self, state: State) -> int:
        return sum(cell.state == state for cell in self.cells)

    def running(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.state == "running"]

    def trainings_left(self, now: float) -> float | None:
        """Return the seconds that the trainings will take, with as many at once as now; None when unknown.

        The pace of those that wait is the recorded one of the same model. Stages that do not train are not in it.
        """
        training = [cell.training for cell in self.running() if trains(cell.stage)]
        running = [each.seconds_left(now) if each else None for each in training]
        waiting = [cell.expected for cell in self.cells if cell.state == "waiting" and trains(cell.stage)]
        if not running or None in running or None in waiting:
            return None
        return max(max(running), (sum(running) + sum(waiting)) / len(running))


def trains(stage: str) -> bool:
    """Return whether a stage is a training that keeps a journal and whose length params.yaml says."""
    return stage in ("train", "tune")


def by_stage(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Group cells by their stage, in their order."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.stage, []).append(cell)
    return groups
