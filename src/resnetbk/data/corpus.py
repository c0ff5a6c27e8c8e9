"""A packed corpus on disk, opened by memory map: nothing is read before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from resnetbk.data.split import SPLITS
from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import IntegrityError, read_sealed


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
        **Raises:** `UserError` when it is missing, the card or the tokenizer is not what was written, to the bit,
        or a file of tokens has not the size that the card states.
        """
        path = Path(path)
        try:
            card = read_sealed(path / "card.json")
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{path}: no packed corpus; `dvc repro prepare` makes it") from None
        except IntegrityError as error:
            raise UserError(f"{error}; run `dvc repro -f prepare`") from None
        _require_hash(path / "tokenizer.json", card["tokenizer"]["sha256"])
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
        """Return the split `train`, `validation` or `test`, its files checked against the hashes in the card.

        **Raises:** `UserError` when they differ.
        """
        assert name in SPLITS, f"{name!r} is none of {SPLITS}"
        tokens, documents = self.path / f"{name}.tokens", self.path / f"{name}.documents.npy"
        _require_hash(tokens, self.card["splits"][name]["tokens_sha256"])
        _require_hash(documents, self.card["splits"][name]["documents_sha256"])
        dtype = np.dtype(self.card["dtype"]).newbyteorder("<")
        return Split(name, np.memmap(tokens, dtype, mode="r"), np.load(documents, mmap_mode="r"))


def _require_hash(file: Path, expected: str) -> None:
    found = sha256_file(file) if file.is_file() else "no file"
    if found != expected:
        raise UserError(f"{file}: expected SHA-256 {expected}, found {found}; run `dvc repro -f prepare`")
