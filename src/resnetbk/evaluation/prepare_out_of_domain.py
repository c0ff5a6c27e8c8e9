"""Encode text of another kind than the run's with the run's tokenizer; see `resnetbk.evaluation.out_of_domain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from resnetbk.data.catalogue import CATALOGUE
from resnetbk.data.corpus import Corpus
from resnetbk.data.packing import encode, token_type
from resnetbk.data.progress import progress
from resnetbk.data.sources import open_source
from resnetbk.data.tokenizers import load_tokenizer
from resnetbk.errors import UserError
from resnetbk.evaluation.out_of_domain import CARD, files_of
from resnetbk.params.corpus import Corpus as Source
from resnetbk.params.faults import near
from resnetbk.repro.files import atomic_directory, sha256_file
from resnetbk.repro.sealed import write_sealed


def texts_of_the_catalogue(names: list[str]) -> dict[str, Source]:
    """Return the description of each text by its name in the catalogue.

    **Raises:** `UserError` for a name that is unknown, or no text's.
    """
    texts = {name: source for name, source in CATALOGUE.items() if source.kind != "synthetic"}
    for name in names:
        if name not in texts:
            raise UserError(f"context.out_of_domain: no text called {name!r}{near(name, texts)}")
    return {name: texts[name] for name in names}


def prepare_out_of_domain(sources: dict[str, Source], corpus: Corpus, out: Path, *, tokens: int) -> dict[str, Any]:
    """Encode texts with a run's tokenizer, without splitting them: none is trained on.

    **Arguments:** `sources`: by name; `corpus`: the run's; `out`: the directory to make, whole or not at all;
    `tokens`: reading stops with the document that reaches so many.
    **Returns:** the card that also lies in `out`: by name source, licence, documents, tokens, bytes and hashes.
    **Raises:** `UserError` for the run's own corpus, a source that cannot be had or is empty, or a run whose
    tokens are no text's.
    """
    for name, source in sources.items():
        _require_other_text(name, source, corpus)
    tokenizer_file = corpus.path / "tokenizer.json"
    with atomic_directory(out) as partial:
        card = {"tokenizer": sha256_file(tokenizer_file), "corpora": {}}
        for name, source in sources.items():
            card["corpora"][name] = _encode(name, source, tokenizer_file, partial, tokens)
        write_sealed(partial / CARD, card)
    return card


def _require_other_text(name: str, source: Source, corpus: Corpus) -> None:
    if corpus.card["source"] == source.model_dump(mode="json"):
        raise UserError(f"context.out_of_domain: {name!r} is the corpus that the run trains on; name another")
    if corpus.card["tokenizer"]["kind"] == "words":
        raise UserError(
            "context.out_of_domain: the run's corpus is synthetic, and its tokens cannot write text; set it to []"
        )


def _encode(name: str, source: Source, tokenizer_file: Path, folder: Path, tokens: int) -> dict[str, Any]:
    tokenizer = load_tokenizer(tokenizer_file)
    dtype = token_type(tokenizer.get_vocab_size())
    pieces, sizes, count = [], [], 0
    with progress(f"encoding {name}", "tokens", total=tokens) as advance:
        for text in filter(str.strip, open_source(source)):
            piece, _ = encode([text], tokenizer, dtype)
            pieces.append(piece)
            sizes.append(len(text.encode()))
            count += len(piece)
            advance(len(piece))
            if count >= tokens:
                break
    if not pieces:
        raise UserError(f"context.out_of_domain: {name!r} holds no text; name another")
    lengths_D = np.array([len(piece) for piece in pieces], np.int64)
    documents = np.stack([np.cumsum(lengths_D) - lengths_D, lengths_D, np.array(sizes, np.int64)], axis=1)
    files = files_of(folder, name)
    files["tokens"].write_bytes(np.concatenate(pieces).tobytes())
    np.save(files["documents"], documents)
    return {
        "source": source.model_dump(mode="json"),
        "licence": source.licence,
        "documents": len(documents),
        "tokens": count,
        "bytes": sum(sizes),
        **{f"{kind}_sha256": sha256_file(file) for kind, file in files.items()},
    }
