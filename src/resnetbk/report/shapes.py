"""What the report needs of the files that other stages write; keys that it does not show are left alone.

Losses are in nats per token, sizes in tokens or bytes as their names say.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Loss = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


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


class Score(Shape):
    loss: Loss
    perplexity: float
    bits_per_byte: float


class Ledger(Shape):
    """What a model was given; `state_size` is bytes for one sequence, `parameters_from_budget` relative."""

    parameters: Count
    parameters_embedding: Count
    parameters_from_budget: float
    parameter_budget: Count
    training_tokens: Count
    state_size: Count
    audit_passed: bool | None


class ModelScore(Score):
    loss_by_seed: Annotated[list[Loss], Field(min_length=1)]
    below_bigram: bool
    ledger: Ledger


class PairResult(Shape):
    """One comparison; `difference` is `model` minus `against`, `margin` that of equivalence."""

    model: str
    against: str
    difference: float
    confidence_interval: tuple[float, float]
    p_value_corrected: Probability
    equivalence_p_value_corrected: Probability
    effect_size: float
    margin: Annotated[float, Field(gt=0)]
    verdict: str
    note: str | None


class Comparison(Shape):
    """metrics/comparison.json."""

    summary: str
    baseline: str
    alpha: Annotated[float, Field(gt=0, lt=1)]
    equivalence_margin: Annotated[float, Field(gt=0, lt=1)]
    parameter_tolerance: Annotated[float, Field(ge=0)]
    seeds: Annotated[list[int], Field(min_length=1)]
    documents: Count
    models: dict[str, ModelScore]
    ngrams: dict[str, Score]
    comparisons: list[PairResult]


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
