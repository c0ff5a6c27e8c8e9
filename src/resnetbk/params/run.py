"""The schema of the section `run`: what is compared, on how many seeds and how exactly it repeats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resnetbk.params.section import Name, Positive, Section, Seed


class Run(Section):
    models: Annotated[list[Name], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]
    determinism: Literal["portable", "machine", "fast"]
    kernels: Literal["auto", "reference", "numba", "triton"]
    parameter_budget: Positive

    @model_validator(mode="after")
    def no_repeats(self) -> Run:
        for key in ("models", "seeds"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"{key} names one twice: {values}")
        return self
