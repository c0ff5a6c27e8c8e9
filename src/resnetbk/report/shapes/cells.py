"""What a single model, or a model trained with a single seed, has measured of it; and the corpus."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from resnetbk.report.shapes.shape import Count, Loss, Positive, Shape


class Trial(Shape):
    """One training of the tuning: its validation loss, or the step at which it diverged."""

    learning_rate: Positive
    weight_decay: Loss
    validation_loss: Loss | None
    diverged_at: Count | None

    @model_validator(mode="after")
    def ended_one_way(self) -> Trial:
        if (self.validation_loss is None) == (self.diverged_at is None):
            raise ValueError("expected a validation_loss or the step of diverged_at, and one of them null")
        return self


class Trials(Shape):
    """metrics/tune/{model}/{learning_rate}.json."""

    trials: Annotated[list[Trial], Field(min_length=1)]


class TrainingRow(Shape):
    """A row of metrics/train/{model}-{seed}.jsonl with the loss of a training step."""

    step: Count
    tokens: Count
    loss: Loss


class ValidationRow(Shape):
    """A row of metrics/train/{model}-{seed}.jsonl with the loss on the validation split."""

    step: Count
    tokens: Count
    validation_loss: Loss


class PositionLoss(Shape):
    position: Count
    loss: Loss


class Evaluation(Shape):
    """metrics/evaluate/{model}-{seed}.json."""

    loss: Loss
    loss_by_position: Annotated[list[PositionLoss], Field(min_length=1)]


class Check(Shape):
    passed: bool
    measured: Any
    detail: Any


class Audit(Shape):
    """metrics/audit/{model}.json."""

    passed: bool
    checks: Annotated[dict[str, Check], Field(min_length=1)]


class CorpusSplit(Shape):
    model_config = ConfigDict(extra="allow")

    documents: Count
    tokens: Count
    bytes: Count


class Card(Shape):
    """data/corpus/card.json; the keys beside `splits` are shown as they come."""

    model_config = ConfigDict(extra="allow")

    splits: Annotated[dict[str, CorpusSplit], Field(min_length=1)]
