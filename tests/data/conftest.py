"""A root of its own for every test, and small corpora to prepare."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resnetbk.params.corpus import Prepare


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory as the main repository's root and the working directory."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def make_params() -> Callable[..., Prepare]:
    """Make the section `prepare`, with defaults for tests."""

    def make(corpus: Any, **changes: Any) -> Prepare:
        values = {
            "corpus": corpus,
            "max_documents": None,
            "tokenizer": {"kind": "bpe", "vocabulary_size": 300},
            "validation_fraction": 0.2,
            "test_fraction": 0.2,
            "split_seed": 0,
        }
        return Prepare.model_validate({**values, **changes})

    return make


@pytest.fixture
def make_texts() -> Callable[[int], list[str]]:
    """Make distinct documents of a few dozen words, with letters of more than one byte."""
    words = "the of and resolvent naïve Hamiltonian état scattering a in energy Ω is matrix with from".split()

    def make(count: int) -> list[str]:
        return [
            " ".join(["Document", str(number), *(words[(number * 7 + k * k) % 16] for k in range(number % 40))])
            for number in range(count)
        ]

    return make


@pytest.fixture
def jsonl_corpus(root: Path) -> Callable[[list[str]], dict[str, Any]]:
    """Write documents to corpus.jsonl in the root and describe them as a corpus."""

    def write(texts: list[str]) -> dict[str, Any]:
        content = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
        (root / "corpus.jsonl").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        return {"kind": "file", "path": "corpus.jsonl", "sha256": digest, "format": "jsonl"}

    return write
