"""A packed corpus on disk, small enough to score by hand."""

from pathlib import Path

import pytest
from tests.packed_corpus import draw_documents, write_corpus

from resnetbk.data.corpus import Corpus

VOCABULARY = 13
LENGTHS = {"train": (40, 3, 25, 60), "validation": (12, 30), "test": (7, 1, 30, 16, 9)}  # without eos


@pytest.fixture
def corpus_folder(tmp_path) -> Path:
    splits = {
        name: draw_documents(seed, lengths, VOCABULARY) for seed, (name, lengths) in enumerate(LENGTHS.items())
    }
    return write_corpus(tmp_path / "data/corpus", splits, VOCABULARY)


@pytest.fixture
def corpus(corpus_folder) -> Corpus:
    return Corpus.open(corpus_folder)


@pytest.fixture
def vocabulary_size() -> int:
    return VOCABULARY
