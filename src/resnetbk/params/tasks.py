"""The schema of one task in `tasks` of params.yaml.

Lengths count the tokens of a row, signs included. `length` is that of training; trials and curves are judged on
validation rows of `validation_multiple` times it, and a task is tested at each multiple of it in `test_multiples`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resnetbk.params.section import Positive, Section


class _Task(Section):
    """What every task has: `layers` and `parameter_budget` size every model, `tune_steps` are those of a trial.

    `final_learning_rate` is a fraction of the peak. `label_smoothing` is the probability that training spreads
    over all tokens; validation and tests spread none.
    """

    length: Annotated[int, Field(ge=8)]
    layers: Positive
    parameter_budget: Positive
    steps: Positive
    tune_steps: Positive
    warmup_steps: Annotated[int, Field(ge=0)]
    batch_size: Positive
    final_learning_rate: Annotated[float, Field(ge=0, le=1)] = 0.1
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    validation_rows: Positive = 256
    validation_multiple: Positive = 1
    test_rows: Positive = 512
    test_multiples: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 4)
    distance_buckets: Positive = 8
    validations: Positive = 10

    @model_validator(mode="after")
    def schedule_fits(self) -> _Task:
        shortest = min(self.steps, self.tune_steps)
        if self.warmup_steps >= shortest:
            raise ValueError(
                f"warmup_steps ({self.warmup_steps}) must stay below steps and tune_steps ({shortest})"
            )
        return self


class ModularCounting(_Task):
    """The sum of the digits so far, modulo `modulus`, at every position; 2 is parity."""

    kind: Literal["modular_counting"]
    modulus: Annotated[int, Field(ge=2)]


class MultiQueryRecall(_Task):
    """Multi-query associative recall of `pairs` key-value pairs."""

    kind: Literal["mqar"]
    pairs: Positive
    vocabulary: Annotated[int, Field(ge=4)]

    @model_validator(mode="after")
    def fits(self) -> MultiQueryRecall:
        if self.length % 2 or 4 * self.pairs > self.length:
            raise ValueError(f"length ({self.length}) must be even and at least 4 * pairs ({4 * self.pairs})")
        if self.pairs > self.vocabulary // 2 - 1:
            raise ValueError(
                f"vocabulary ({self.vocabulary}) must be at least 2 * pairs + 2 ({2 * self.pairs + 2})"
            )
        return self


class SelectiveCopying(_Task):
    """`copied` words strewn among blanks, to be repeated in their order."""

    kind: Literal["selective_copying"]
    copied: Positive
    vocabulary: Annotated[int, Field(ge=4)]

    @model_validator(mode="after")
    def fits(self) -> SelectiveCopying:
        if 2 * self.copied > self.length:
            raise ValueError(f"length ({self.length}) must be at least 2 * copied ({2 * self.copied})")
        return self


class Induction(_Task):
    """The word that followed the trigger, when the trigger comes again at the end."""

    kind: Literal["induction"]
    vocabulary: Annotated[int, Field(ge=3)]


class Needle(_Task):
    """`needles` keys with values at any depth of a haystack of values; the end asks for one of them."""

    kind: Literal["needle"]
    needles: Positive
    vocabulary: Annotated[int, Field(ge=8)]

    @model_validator(mode="after")
    def fits(self) -> Needle:
        if 3 * self.needles + 2 > self.length:
            raise ValueError(f"length ({self.length}) must be at least 3 * needles + 2 ({3 * self.needles + 2})")
        if self.needles > (self.vocabulary - 2) // 2:
            raise ValueError(f"vocabulary ({self.vocabulary}) must be at least {2 * self.needles + 2}")
        return self


Task = Annotated[
    ModularCounting | MultiQueryRecall | SelectiveCopying | Induction | Needle, Field(discriminator="kind")
]
