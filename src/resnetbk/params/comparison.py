"""The schema of the sections `compare`, which with `run` makes the plan, and `plot`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resnetbk.params.section import Fraction, Name, Positive, Section


class Hypothesis(Section):
    """What is expected of a pair before it is measured; confirmed where any one of `expect` holds at `alpha`."""

    words: Annotated[str, Field(min_length=1)]
    model: Name
    against: Name
    expect: Annotated[list[Literal["lower", "higher", "equivalent"]], Field(min_length=1)]
    alpha: Annotated[float, Field(gt=0, lt=0.5)]

    @model_validator(mode="after")
    def sets_two_against_each_other(self) -> Hypothesis:
        if self.model == self.against:
            raise ValueError(f"sets {self.model!r} against itself")
        return self


Tolerance = Annotated[float, Field(ge=0, le=1)]


class Tolerances(Section):
    """How far two models may differ in each row of the ledger, relative to the larger; null: as they like."""

    parameters: Tolerance  # of each model from run.parameter_budget
    training_tokens: Tolerance | None
    steps: Tolerance | None
    tuning_trials: Tolerance | None
    tuning_tokens: Tolerance | None
    flops: Tolerance | None
    state_size: Tolerance | None
    peak_memory_bytes: Tolerance | None


class Compare(Section):
    baseline: Name
    alpha: Annotated[float, Field(gt=0, lt=0.5)]
    equivalence_margin: Annotated[float, Field(gt=0, lt=1)]
    power: Fraction
    resamples: Annotated[int, Field(ge=1000)]
    hypotheses: dict[Name, Hypothesis]
    tolerances: Tolerances


class Plot(Section):
    curve_smoothing: Positive
