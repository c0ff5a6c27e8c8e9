"""metrics/comparison.json: scores, tests, and what they say in words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from resnetbk.report.shapes.ledger import Ledger, Views
from resnetbk.report.shapes.shape import Count, Interval, Loss, Positive, Probability, Shape


class Claim(Shape):
    """A sentence, and the places in the file that it rests on, such as `comparisons/a-b/p_value_corrected`."""

    words: str
    tests: Annotated[list[str], Field(min_length=1)]


class Plan(Shape):
    """`exploratory`: why this is no test of the registered plan."""

    exploratory: str | None


class Score(Shape):
    loss: Loss
    perplexity: float
    bits_per_byte: float


class ModelScore(Score):
    loss_by_seed: Annotated[list[Loss], Field(min_length=1)]
    below_bigram: bool
    ledger: list[Ledger]


class SignFlips(Shape):
    """p-values under flipped signs; `smallest` is what `seeds` and `both` can reach with this many seeds."""

    seeds: Probability | None
    documents: Probability
    both: Probability | None
    smallest: Probability | None


class Power(Shape):
    """Power at the planned `effect`, at the level of Holm's first step; null where no number of seeds would do."""

    effect: Positive
    alpha: Probability
    target: Probability
    difference: Probability
    difference_seeds_needed: Count | None
    equivalence: Probability
    equivalence_seeds_needed: Count | None


class PairResult(Shape):
    """One comparison; `difference` is `model` minus `against`, `margin` that of equivalence."""

    key: str
    model: str
    against: str
    difference: float
    confidence_interval: Interval
    bootstrap_interval: Interval
    standard_error: Loss
    standard_error_seeds: Loss | None
    standard_error_documents: Loss
    p_value: Probability
    p_value_corrected: Probability
    permutation_p_value: SignFlips
    equivalence_p_value_corrected: Probability
    excess_p_value_corrected: Probability
    effect_size: float
    margin: Positive
    power: Power | None
    verdict: str
    note: str | None


class HypothesisAnswer(Shape):
    """A hypothesis of the plan; `comparison` is the key of its test, null when it was not tested."""

    name: str
    words: str
    expect: list[str]
    alpha: Probability
    comparison: str | None
    answer: str


class Part(Shape):
    comparison: str
    difference: float
    confidence_interval: Interval


class NamedPart(Part):
    change: str


class Attribution(Part):
    """A difference and the changes that it is the sum of; no parts where the run lacks a model between the two."""

    model: str
    against: str
    parts: list[NamedPart]


class Comparison(Shape):
    """metrics/comparison.json; tolerances are those of the ledger's rows, null where a row may differ."""

    claims: Annotated[list[Claim], Field(min_length=1)]
    plan: Plan
    baseline: str
    alpha: Annotated[float, Field(gt=0, lt=1)]
    equivalence_margin: Annotated[float, Field(gt=0, lt=1)]
    tolerances: dict[str, Loss | None]
    seeds: Annotated[list[int], Field(min_length=1)]
    documents: Count
    models: dict[str, ModelScore]
    views: Views
    ngrams: dict[str, Score]
    comparisons: list[PairResult]
    hypotheses: list[HypothesisAnswer]
    attribution: list[Attribution]
