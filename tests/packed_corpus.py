"""A packed corpus on disk, in the format that the prepare stage writes, small enough to score by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import write_sealed


def draw_documents(seed: int, lengths: tuple[int, ...], vocabulary: int) -> list[np.ndarray]:
    """Return documents of tokens drawn by chance from 1 to `vocabulary` - 1; 0 is the end-of-document token."""
    generator = np.random.default_rng(seed)
    return [generator.integers(1, vocabulary, length) for length in lengths]


def pack(documents: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of a split, each document after a 0, and its index: start, tokens, bytes."""
    sizes = np.array([len(document) + 1 for document in documents], np.int64)
    tokens = np.concatenate([np.r_[0, document] for document in documents]).astype("<u2")
    return tokens, np.stack([np.cumsum(sizes) - sizes, sizes, 4 * sizes - 3], axis=1)


def write_corpus(folder: Path, documents: dict[str, list[np.ndarray]], vocabulary: int) -> Path:
    """Write the documents of each split as prepare does, with four bytes of text a token."""
    folder.mkdir(parents=True)
    facts = {}
    for name, some in documents.items():
        tokens, index = pack(some)
        (folder / f"{name}.tokens").write_bytes(tokens.tobytes())
        np.save(folder / f"{name}.documents.npy", index)
        facts[name] = {
            "documents": len(some),
            "tokens": len(tokens),
            "bytes": int(index[:, 2].sum()),
            "tokens_sha256": sha256_file(folder / f"{name}.tokens"),
            "documents_sha256": sha256_file(folder / f"{name}.documents.npy"),
        }
    (folder / "tokenizer.json").write_text("{}")
    tokenizer = {"sha256": sha256_file(folder / "tokenizer.json")}
    card = {
        "tokenizer": tokenizer,
        "vocabulary_size": vocabulary,
        "dtype": "uint16",
        "eos_id": 0,
        "splits": facts,
    }
    write_sealed(folder / "card.json", card)
    return folder
