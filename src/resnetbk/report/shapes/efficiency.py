"""A model at fewer bits or fewer layers: metrics/quantise/ and metrics/early_exit/."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from resnetbk.report.shapes.shape import Count, Loss, Positive, Probability, Shape


class PrecisionScore(Shape):
    """The test split at one precision; `non_finite` says what was not finite, and then there is no loss."""

    weights: Count
    group: Count | None
    activations: Count | None
    weight_bytes: Count
    loss: Loss | None
    loss_increase: float | None
    non_finite: str | None


class QuantiseCell(Shape):
    """metrics/quantise/{model}-{seed}.json."""

    model: str
    seed: int
    weight_bytes: Count
    loss: Loss
    tokens: Count
    documents: list[Any]
    precisions: Annotated[dict[str, PrecisionScore], Field(min_length=1)]


class Exit(Shape):
    """All tokens at one depth, or each at the first depth that is so confident; `flops` a token, forward."""

    depth: Count | None
    confidence: Probability | None
    loss: Loss
    mean_depth: Positive
    flops: Positive
    on_front: bool

    @property
    def rule(self) -> str:
        """What decides where a token leaves."""
        return f"depth {self.depth}" if self.confidence is None else f"confidence {self.confidence:g}"


class EarlyExitCell(Shape):
    """metrics/early_exit/{model}-{seed}.json."""

    model: str
    seed: int
    tokens: Count
    rows: Annotated[list[Exit], Field(min_length=1)]
