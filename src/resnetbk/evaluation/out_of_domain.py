"""Text of another kind than the run was trained on, in the run's own tokens, as `prepare_out_of_domain` left it.

The tokenizer is the run's, so that every model reads the same ids; it was made for other text, and needs more of
them for a byte. So across corpora only bits per byte compare.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resnetbk.data.corpus import Corpus, Split
from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file
from resnetbk.repro.sealed import IntegrityError, read_sealed

CARD = "card.json"


def open_out_of_domain(folder: Path, corpus: Corpus, names: list[str]) -> dict[str, Split]:
    """Open what `prepare_out_of_domain` made, checked against the hashes in its card.

    **Raises:** `UserError` when it is missing, damaged, or made with another tokenizer than the corpus's.
    """
    cure = "run `dvc repro -f out_of_domain`"
    try:
        card = read_sealed(folder / CARD)
    except FileNotFoundError:
        raise UserError(f"{folder}: no out-of-domain text; `dvc repro out_of_domain` makes it") from None
    except IntegrityError as error:
        raise UserError(f"{error}; {cure}") from None
    if card["tokenizer"] != corpus.card["tokenizer"]["sha256"]:
        raise UserError(f"{folder}: encoded with another tokenizer than {corpus.path} has; {cure}")
    splits = {}
    for name in names:
        if name not in card["corpora"]:
            raise UserError(f"{folder}: holds no {name!r}, which context.out_of_domain names; {cure}")
        facts, files = card["corpora"][name], files_of(folder, name)
        for kind, file in files.items():
            found = sha256_file(file) if file.is_file() else "no file"
            if found != facts[f"{kind}_sha256"]:
                raise UserError(f"{file}: expected SHA-256 {facts[f'{kind}_sha256']}, found {found}; {cure}")
        dtype = np.dtype(corpus.card["dtype"]).newbyteorder("<")
        tokens = np.memmap(files["tokens"], dtype, mode="r")
        splits[name] = Split(name, tokens, np.load(files["documents"], mmap_mode="r"))
    return splits


def files_of(folder: Path, name: str) -> dict[str, Path]:
    """Return the files of a text: its tokens, and the index of its documents as `Split` describes it."""
    return {"tokens": folder / f"{name}.tokens", "documents": folder / f"{name}.documents.npy"}
