"""The battery's tasks: metrics/tasks/."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from resnetbk.report.shapes.cells import Trial
from resnetbk.report.shapes.shape import Count, Loss, Positive, Probability, Shape


class Choice(Shape):
    learning_rate: Positive
    weight_decay: Loss
    at_edge: bool


class DistanceScore(Shape):
    """Accuracy of the answers that stand `distance` or a little more tokens after what they ask for."""

    distance: Count
    answers: Count
    accuracy: Probability


class TaskTest(Shape):
    """The test rows of one length; no loss where one was not finite."""

    length: Count
    state_bytes: Count
    answers: Count
    accuracy: Probability
    loss: Loss | None
    non_finite: Count
    by_distance: list[DistanceScore]


class TaskRun(Shape):
    """One seed; without tests when it diverged."""

    seed: int
    diverged_at: Count | None
    tests: list[TaskTest]


class TaskCell(Shape):
    """metrics/tasks/{task}-{model}.json; no choice and no seeds when every trial diverged."""

    task: str
    model: str
    definition: dict[str, Any]
    chance: Probability
    parameters: dict[str, Count]
    trials: Annotated[list[Trial], Field(min_length=1)]
    choice: Choice | None
    seeds: list[TaskRun]
