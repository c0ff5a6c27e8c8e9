"""What a comparison reads of the files that earlier stages wrote: types and ranges, nothing else.

Keys that a comparison does not use are left alone, so that those stages may add to their files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from resnetbk.errors import UserError
from resnetbk.repro.sealed import IntegrityError, read_sealed

Count = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Initialisation = Literal["original", "changed", "own"]  # as resnetbk.training.initialisation tells it
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Document(Record):
    """One held-out document: `loss` is the mean over its `tokens` predicted tokens, in nats a token."""

    loss: NonNegative
    tokens: Count
    bytes: Count


class Parameters(Record):
    total: Count
    embedding: Annotated[int, Field(ge=0)]
    non_embedding: Annotated[int, Field(ge=0)]


class Evaluation(Record):
    """metrics/evaluate/{model}-{seed}.json; `state_size` is in bytes, `loss` in nats a token."""

    model: str
    seed: int
    loss: NonNegative
    perplexity: NonNegative
    bits_per_byte: NonNegative
    tokens: Count
    bytes: Count
    documents: Annotated[list[Document], Field(min_length=1)]
    parameters: Parameters
    state_size: Annotated[int, Field(ge=0)]
    training_tokens: Count
    data: Sha256
    weights: Sha256


class Tuning(Record):
    """What was tried before training; `at_edge`: the best learning rate was the lowest or highest of all."""

    trials: Count
    tokens: Count
    at_edge: bool


class Costs(Record):
    """Of one optimiser step, counted."""

    forward_flops: Count
    backward_flops: Count
    peak_memory_bytes: Count


class Work(Record):
    """Of the training's parameters, those that say what a step works on."""

    batch_size: Count
    length: Count
    accumulation: Count


class Lineage(Record):
    """What a checkpoint was made from; `plan` is the hash of the plan it was trained under."""

    plan: Sha256 | None


class Manifest(Record):
    """models/{model}-{seed}/manifest.json."""

    model: str
    seed: int
    config: dict[str, Any]
    train: Work
    parameter_budget: Count
    determinism: str
    kernels: str
    data: dict[str, Sha256]
    code: dict[str, Sha256]
    tuning: Tuning | None  # None: learning rate and weight decay were given
    steps: Count
    tokens: Count
    data_order: Sha256
    initial_weights: Sha256
    initialisation: Initialisation
    tied_embeddings: bool
    costs: Costs
    final_weights: Sha256
    files: dict[str, Sha256]
    lineage: Lineage


class HistoryRow(Record):
    """A line of metrics/train/{model}-{seed}.jsonl; those with a validation loss have that and no other loss."""

    step: Count
    validation_loss: NonNegative | None = None


class Audit(Record):
    """metrics/audit/{model}.json."""

    model: str
    passed: bool


class Baseline(Record):
    """One n-gram model of metrics/baselines.json."""

    loss: NonNegative
    perplexity: NonNegative
    bits_per_byte: NonNegative


class Baselines(Record):
    """metrics/baselines.json."""

    unigram: Baseline
    bigram: Baseline


R = TypeVar("R", bound=Record)


def read_record(path: Path, kind: type[R], *, stage: str, sealed: bool = False) -> R:
    """Read and check one JSON file.

    **Arguments:** `path`: the file; `kind`: what it must hold; `stage`: the DVC target that writes it;
    `sealed`: whether the file carries its own hash.
    **Returns:** the checked, frozen record.
    **Raises:** `UserError` naming the file, the key, what was expected and the command that makes it anew.
    """
    cure = f"Run: dvc repro --force --single-item {stage}"
    try:
        return kind.model_validate(read_sealed(path) if sealed else json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise UserError(f"{path}: not found. Run: dvc repro {stage}") from None
    except IntegrityError as error:
        raise UserError(f"{error}. {cure}") from None
    except ValueError as error:  # of JSON, of UTF-8 or of the schema
        if isinstance(error, ValidationError):
            fault = error.errors()[0]
            key = ".".join(map(str, fault["loc"])) or "(top level)"
            raise UserError(f"{path}: {key}: {fault['msg']}; found {fault['input']!r:.60}. {cure}") from None
        raise UserError(f"{path}: not JSON ({error}); it is cut short or was edited. {cure}") from None
