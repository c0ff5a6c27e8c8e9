"""A model beyond its training length: metrics/context/."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from resnetbk.report.shapes.cells import PositionLoss
from resnetbk.report.shapes.shape import Count, Loss, Positive, Probability, Shape


class Scored(Shape):
    """A stretch of text; no loss where one was not finite."""

    tokens: Count
    loss: Loss | None
    non_finite_losses: Count
    non_finite_logits: Count


class Bucket(Shape):
    position: Count
    loss: Loss | None


class Windows(Scored):
    multiple: Count
    length: Count


class Memory(Shape):
    position: Count
    peak_bytes: Count


class Stream(Scored):
    length: Count
    first_non_finite: Count | None
    memory: Annotated[list[Memory], Field(min_length=1)]
    loss_by_position: list[Bucket]


class HeldOut(Shape):
    loss: Loss
    bits_per_byte: float
    loss_by_position: list[PositionLoss]


class OutOfDomain(Shape):
    held_out: HeldOut
    stream: Stream


class Reach(Shape):
    distance: Count
    share: Probability | None


class ReceptiveField(Shape):
    length: Count
    windows: Count
    mean_distance: Loss | None
    distance_90: Count | None
    non_finite: Count
    by_distance: list[Reach]


class GradientSpikes(Shape):
    factor: Positive
    window: Count
    steps_judged: Count
    spikes: list[Any]


class Limit(Shape):
    tokens: Count | None
    reason: str | None


class ContextCell(Shape):
    """metrics/context/{model}-{seed}.json."""

    model: str
    seed: int
    training_length: Count
    limit: Limit
    windows: list[Windows]
    stream: Stream
    out_of_domain: dict[str, OutOfDomain]
    receptive_field: ReceptiveField
    gradient_spikes: GradientSpikes
