"""A packed corpus on disk, in the format that the prepare stage writes, small enough to score by hand."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from resnetbk.data.corpus import Corpus

VOCABULARY = 13
LENGTHS = {"train": (40, 3, 25, 60), "validation": (12, 30), "test": (7, 1, 30, 16, 9)}  # without eos


def draw_documents(seed: int, lengths: tuple[int, ...]) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.integers(1, VOCABULARY, length) for length in lengths]


def write_corpus(folder: Path, splits: dict[str, list[np.ndarray]]) -> Path:
    folder.mkdir(parents=True)
    facts = {}
    for name, documents in splits.items():
        sizes = np.array([len(document) + 1 for document in documents], np.int64)
        tokens = np.concatenate([np.r_[0, document] for document in documents]).astype("<u2")
        (folder / f"{name}.tokens").write_bytes(tokens.tobytes())
        index = np.stack([np.cumsum(sizes) - sizes, sizes, 4 * sizes - 3], axis=1)
        np.save(folder / f"{name}.documents.npy", index)
        facts[name] = {
            "documents": len(documents),
            "tokens": len(tokens),
            "bytes": int(index[:, 2].sum()),
            "tokens_sha256": hashlib.sha256(tokens.tobytes()).hexdigest(),
        }
    card = {"vocabulary_size": VOCABULARY, "dtype": "uint16", "eos_id": 0, "splits": facts}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def corpus_folder(tmp_path) -> Path:
    splits = {name: draw_documents(seed, lengths) for seed, (name, lengths) in enumerate(LENGTHS.items())}
    return write_corpus(tmp_path / "data/corpus", splits)


@pytest.fixture
def corpus(corpus_folder) -> Corpus:
    return Corpus.open(corpus_folder)


@pytest.fixture
def vocabulary_size() -> int:
    return VOCABULARY
