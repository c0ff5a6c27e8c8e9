"""The schema of the section `context` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from resnetbk.params.section import Positive, Section


class ReceptiveField(Section):
    """Tokens of a window whose last prediction is differentiated, and how many windows of the test split."""

    length: Annotated[int, Field(ge=2)]
    windows: Positive


class GradientSpikes(Section):
    """A spike: a gradient norm above `factor` times the median of the `window` logged before it."""

    factor: Annotated[float, Field(gt=1)]
    window: Positive


class Context(Section):
    """What a trained model is asked beyond its training length.

    `multiples` of train.length are the lengths of its windows, all over the same `window_tokens` tokens at most;
    `stream_tokens` are read in one piece. A model whose state grows stops at `growing_state_tokens`.
    """

    multiples: Annotated[list[Positive], Field(min_length=1)]
    window_tokens: Positive
    stream_tokens: Positive
    growing_state_tokens: Positive
    chunk: Positive
    batch_size: Positive
    out_of_domain: list[str]
    out_of_domain_tokens: Positive
    receptive_field: ReceptiveField
    gradient_spikes: GradientSpikes

    @model_validator(mode="after")
    def lists_fit(self) -> Context:
        if sorted(set(self.multiples)) != self.multiples:
            raise ValueError(f"multiples must rise, each once: {self.multiples}")
        if odd := [multiple for multiple in self.multiples if self.multiples[-1] % multiple]:
            raise ValueError(f"multiples must divide the last, so that all read the same tokens: {odd}")
        if len(set(self.out_of_domain)) != len(self.out_of_domain):
            raise ValueError(f"out_of_domain names one twice: {self.out_of_domain}")
        return self
