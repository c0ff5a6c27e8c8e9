"""A packed corpus on disk, opened by memory map: nothing is read before it is used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnetbk.data.split import SPLITS
from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file


@dataclass(frozen=True)
class Split:
    """One split: `tokens` [tokens] (uint16 or uint32, mapped) and `documents` [documents, 3] (int64).

    A row of `documents` is where the document starts in `tokens`, its number of tokens with the `EOS` that
    opens it, and the UTF-8 bytes of its text.
    """

    name: str
    tokens: np.ndarray
    documents: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Corpus:
    """What `prepare` made: `path`, the data card as `card`, and the splits."""

    path: Path
    card: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Corpus:
        """Open a packed corpus.

        **Arguments:** `path`: the directory that `prepare` wrote.
        **Raises:** `UserError` when it is missing, or a file has not the size that the card states.
        """
        path = Path(path)
        try:
            card = json.loads((path / "card.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{path}: no packed corpus; `dvc repro prepare` makes it") from None
        dtype = np.dtype(card["dtype"])
        if card["vocabulary_size"] > np.iinfo(dtype).max + 1:
            raise UserError(
                f"{path}/card.json: a vocabulary of {card['vocabulary_size']:,} does not fit {dtype} tokens; "
                "run `dvc repro -f prepare`"
            )
        for split in SPLITS:
            expected = card["splits"][split]["tokens"] * dtype.itemsize
            file = path / f"{split}.tokens"
            found = file.stat().st_size if file.is_file() else 0
            if found != expected:
                raise UserError(
                    f"{file}: expected {expected:,} bytes, found {found:,}; run `dvc repro -f prepare`"
                )
        return cls(path, card)

    @property
    def vocabulary_size(self) -> int:
        return self.card["vocabulary_size"]

    @property
    def eos_id(self) -> int:
        return self.card["eos_id"]

    def split(self, name: str) -> Split:
        """Return the split `train`, `validation` or `test`, its tokens checked against the hash in the card.

        **Raises:** `UserError` when they differ.
        """
        assert name in SPLITS, f"{name!r} is none of {SPLITS}"
        file, expected = self.path / f"{name}.tokens", self.card["splits"][name]["tokens_sha256"]
        found = sha256_file(file)
        if found != expected:
            raise UserError(f"{file}: expected SHA-256 {expected}, found {found}; run `dvc repro -f prepare`")
        tokens = np.memmap(file, np.dtype(self.card["dtype"]).newbyteorder("<"), mode="r")
        return Split(name, tokens, np.load(self.path / f"{name}.documents.npy", mmap_mode="r"))
