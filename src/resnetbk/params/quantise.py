"""The schema of the section `quantise` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from resnetbk.params.section import Fraction, Positive, Section


class Precision(Section):
    """Bits of a weight, inputs that share a scale (null: all of an output's), bits of an activation (null: 32).

    16 bits are bfloat16, fewer are integers.
    """

    weights: Annotated[int, Field(ge=2, le=16)]
    group: Annotated[int, Field(ge=2)] | None = None
    activations: Annotated[int, Field(ge=2, le=8)] | None = None

    @model_validator(mode="after")
    def can_be_had(self) -> Precision:
        if 8 < self.weights < 16:
            raise ValueError(f"weights: expected 16 (bfloat16) or 2 to 8 (integers); found {self.weights}")
        if self.weights == 16 and self.group:
            raise ValueError("group: weights of 16 bits are bfloat16, which has no scale to share; leave it out")
        return self

    @property
    def name(self) -> str:
        """Such as w4_group32_a8."""
        group = f"_group{self.group}" if self.group else ""
        return f"w{self.weights}{group}" + (f"_a{self.activations}" if self.activations else "")


class Quantise(Section):
    """The precisions a trained model is scored at, on no more than `batches` batches of evaluate's windows.

    A scale is the best of `clips` fractions, from 1 down to `smallest_clip`, of its group's largest weight.
    """

    precisions: Annotated[list[Precision], Field(min_length=1)]
    batches: Positive | None
    clips: Positive
    smallest_clip: Fraction

    @model_validator(mode="after")
    def no_repeats(self) -> Quantise:
        names = [precision.name for precision in self.precisions]
        if len(set(names)) != len(names):
            raise ValueError(f"precisions names one twice: {', '.join(names)}")
        return self
