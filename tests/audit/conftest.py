"""Stand-ins for the audits' tests: a small causal model, documents of random tokens, splits and a corpus."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
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

    def pack(documents: list[np.ndarray], name: str = "train") -> Split:
        sizes = np.array([len(document) + 1 for document in documents], np.int64)
        tokens = np.concatenate([np.r_[0, document] for document in documents]).astype("<u2")
        return Split(name, tokens, np.stack([np.cumsum(sizes) - sizes, sizes, 3 * sizes], axis=1))

    return pack


@pytest.fixture
def write_corpus(make_split):
    """Return a function that writes a corpus in the format of the prepare stage and opens it."""

    def write(folder: Path, documents: dict[str, list[np.ndarray]]) -> Corpus:
        folder.mkdir(parents=True)
        facts = {}
        for name, some in documents.items():
            split = make_split(some, name)
            (folder / f"{name}.tokens").write_bytes(split.tokens.tobytes())
            np.save(folder / f"{name}.documents.npy", split.documents)
            facts[name] = {"documents": len(some), "tokens": len(split)}
        card = {"vocabulary_size": VOCABULARY, "dtype": "uint16", "eos_id": 0, "splits": facts}
        (folder / "card.json").write_text(json.dumps(card))
        return Corpus.open(folder)

    return write


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
