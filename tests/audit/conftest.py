"""Stand-ins for the audits' tests: a small causal model, documents of random tokens, splits and a corpus."""

import numpy as np
import pytest
import torch
from tests import packed_corpus
from tests.packed_corpus import pack
from torch import nn

from resnetbk.data.corpus import Corpus, Split

VOCABULARY = 23


class RunningMean(nn.Module):
    """A causal model: each position is predicted from the mean of the embeddings so far."""

    def __init__(self, vocabulary_size: int = VOCABULARY, width: int = 8) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, vocabulary_size)

    def pool(self, x_BLD: torch.Tensor) -> torch.Tensor:
        return x_BLD.cumsum(1) / torch.arange(1, x_BLD.shape[1] + 1).view(1, -1, 1)

    def forward(self, tokens_BL: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.mix(self.pool(self.embedding(tokens_BL)))))


@pytest.fixture(autouse=True)
def fixed_weights():
    torch.manual_seed(0)


@pytest.fixture
def running_mean() -> type[RunningMean]:
    return RunningMean


@pytest.fixture
def vocabulary_size() -> int:
    return VOCABULARY


@pytest.fixture
def tokens_BL() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, VOCABULARY, (2, 40)))


@pytest.fixture
def make_split():
    """Return a function that packs documents (arrays of tokens without eos) into a split."""

    return lambda documents, name="train": Split(name, *pack(documents))


@pytest.fixture
def write_corpus():
    """Return a function that writes a corpus in the format of the prepare stage and opens it."""
    return lambda folder, documents: Corpus.open(packed_corpus.write_corpus(folder, documents, VOCABULARY))


@pytest.fixture
def random_documents():
    """Return a function that draws documents of random tokens."""

    def draw(count: int, seed: int, length: int = 120) -> list[np.ndarray]:
        generator = np.random.default_rng(seed)
        return [generator.integers(1, VOCABULARY, length + number) for number in range(count)]

    return draw


@pytest.fixture
def documents(random_documents) -> dict[str, list[np.ndarray]]:
    return {
        "train": random_documents(6, 1),
        "validation": random_documents(2, 2),
        "test": random_documents(3, 3),
    }
