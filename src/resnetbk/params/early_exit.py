"""The schema of the section `early_exit` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from resnetbk.params.section import Fraction, Positive, Section


class EarlyExit(Section):
    """The confidences (a token's largest probability) at which a model stops, on at most `batches` batches."""

    confidences: Annotated[list[Fraction], Field(min_length=1)]
    batches: Positive | None

    @model_validator(mode="after")
    def rises(self) -> EarlyExit:
        if sorted(set(self.confidences)) != self.confidences:
            raise ValueError(f"confidences must rise, each once: {self.confidences}")
        return self
