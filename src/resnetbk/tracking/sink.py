"""Where a running training can be watched: three things to say to any tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from resnetbk.tracking.journals import Record
from resnetbk.tracking.pipeline_run import PipelineRun


class Refused(Exception):
    """The tracker has answered that it will never take this."""


class RunGone(Exception):
    """The tracker does not know the run any more: begin it again."""


@dataclass(frozen=True)
class Training:
    """A training as its journal begins: `name` is that of its run, `params` are what it depends on, if known."""

    asked: PipelineRun
    name: str
    begin: Record
    params: dict[str, str]

    @property
    def tags(self) -> dict[str, str]:
        """Return what tells this training from others, for a person to search by."""
        return {
            "model": str(self.begin["model"]),
            "seed": str(self.begin["seed"]),
            "stage": str(self.begin["stage"]),
            "git_commit": str(self.begin["commit"]),
            **self.asked.tags,
        }


class Sink(Protocol):
    """A tracker. What it raises, `Refused` aside, means: not taken; the same is then said again later."""

    def begin(self, training: Training, run: str | None) -> str:
        """Open a run and return its id; `run` is that of the training's earlier part, if it was resumed."""
        ...

    def points(self, run: str, records: Sequence[Record]) -> None:
        """Take records of the kind `points`, the oldest first."""
        ...

    def end(self, run: str, outcome: str, time: float) -> None:
        """Take how the training ended (finished, interrupted, diverged, failed, killed), and when, in Unix s."""
        ...

    def close(self) -> None:
        """Let go of what is open; called once, last."""
        ...
