"""The schema of the sections `audit`, `tune` and `train`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resnetbk.params.section import Decay, Positive, Rate, Section, Seed


class Audit(Section):
    length: Annotated[int, Field(ge=4)]
    batch_size: Positive
    seed: Seed


class Tune(Section):
    learning_rates: Annotated[list[Rate], Field(min_length=1)]
    weight_decays: Annotated[list[Decay], Field(min_length=1)]
    steps: Positive
    warmup_steps: Annotated[int, Field(ge=0)]
    validation_batches: Positive
    seeds: Annotated[list[Seed], Field(min_length=1)]

    @model_validator(mode="after")
    def is_a_grid(self) -> Tune:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds names one twice: {self.seeds}")
        for key in ("learning_rates", "weight_decays"):
            values = getattr(self, key)
            if sorted(set(values)) != values:
                raise ValueError(f"{key} must rise, each value once: {values}")
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps ({self.warmup_steps}) must stay below steps ({self.steps})")
        return self


class Train(Section):
    steps: Positive
    batch_size: Positive
    length: Annotated[int, Field(ge=2)]
    accumulation: Positive
    learning_rate: Literal["tuned"] | Rate
    final_learning_rate: Annotated[float, Field(ge=0, le=1)]
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Literal["tuned"] | Decay
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    gradient_clip: Annotated[float, Field(gt=0)]
    validation_interval: Positive
    validation_batches: Positive
    log_interval: Positive
    checkpoint_interval: Positive

    @property
    def tokens_per_step(self) -> int:
        """Tokens that an optimiser step trains on."""
        return self.batch_size * self.accumulation * self.length

    @model_validator(mode="after")
    def schedule_fits(self) -> Train:
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps ({self.warmup_steps}) must stay below steps ({self.steps})")
        return self
