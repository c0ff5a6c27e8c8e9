"""The schema of the section `models`: one class for each family."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resnetbk.params.section import Name, Positive, Section


class NoFeedForward(Section):
    kind: Literal["none"]


class DenseFeedForward(Section):
    kind: Literal["dense"]
    ratio: Annotated[float, Field(gt=0)]


class MixtureOfExperts(Section):
    kind: Literal["mixture_of_experts"]
    ratio: Annotated[float, Field(gt=0)]
    experts: Annotated[int, Field(ge=2)]
    top_k: Positive
    router: Literal["linear", "scattering"]
    load_balance: Annotated[float, Field(ge=0)]
    z_loss: Annotated[float, Field(ge=0)]
    capacity_factor: Annotated[float, Field(gt=0)] | None

    @model_validator(mode="after")
    def routes_to_some(self) -> MixtureOfExperts:
        if self.top_k > self.experts:
            raise ValueError(f"top_k is {self.top_k}, but there are {self.experts} experts")
        return self


FeedForward = Annotated[NoFeedForward | DenseFeedForward | MixtureOfExperts, Field(discriminator="kind")]


class ResNetBK(Section):
    family: Literal["resnet_bk"]
    layers: Positive
    mixer: Name
    heads: Positive
    energies: Positive
    eta: Annotated[float, Field(gt=0, le=10)]
    convolution: Positive
    ffn: FeedForward
    hybrid_gradient: Annotated[float, Field(ge=0, le=1)]


class Mamba(Section):
    """Hugging Face's Mamba; `norm` gives it the norm and the readout of ResNet-BK's block."""

    family: Literal["mamba"]
    layers: Positive
    state_size: Positive
    convolution: Annotated[int, Field(ge=2)]
    expand: Positive
    norm: bool = False


class Mamba2(Section):
    family: Literal["mamba2"]
    layers: Positive
    state_size: Positive
    convolution: Annotated[int, Field(ge=2)]
    expand: Positive
    head_width: Positive
    groups: Positive


class Transformer(Section):
    family: Literal["transformer"]
    layers: Positive
    heads: Positive
    ffn_ratio: Annotated[float, Field(gt=0)]
    rope_theta: Annotated[float, Field(gt=0)]


class GPT2(Section):
    family: Literal["gpt2"]
    layers: Positive
    heads: Positive
    ffn_ratio: Annotated[float, Field(gt=0)]
    context: Annotated[int, Field(ge=2)]


Model = Annotated[ResNetBK | Mamba | Mamba2 | Transformer | GPT2, Field(discriminator="family")]
