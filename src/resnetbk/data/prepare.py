"""From a corpus's description to a packed corpus on disk, in steps that survive being killed."""

from __future__ import annotations

import shutil
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock
from tokenizers import Tokenizer

from resnetbk.data.catalogue import resolve
from resnetbk.data.chunks import Chunks
from resnetbk.data.disk import full_disk_said_clearly
from resnetbk.data.packing import assemble, token_type, tokenise
from resnetbk.data.sources import open_source
from resnetbk.data.sources.synthetic import vocabulary
from resnetbk.data.split import SPLITS
from resnetbk.data.tokenizers import EOS, build_tokenizer, load_tokenizer, words_tokenizer
from resnetbk.params.corpus import Corpus, Prepare
from resnetbk.repro.files import atomic_directory, sha256_file, sha256_json, write_bytes
from resnetbk.repro.repository import main_root
from resnetbk.repro.sealed import write_sealed

CHUNK_DOCUMENTS = 1024
TOKENIZER = "tokenizer.json"
STREAMED_BPE_DOCUMENTS = 100_000  # a streamed corpus trains its BPE on no more than this many


def prepare(params: Prepare, out: Path, *, chunk_documents: int = CHUNK_DOCUMENTS) -> dict[str, Any]:
    """Make a packed corpus: documents read, deduplicated, split, tokenised and packed.

    **Arguments:** `params`: the section `prepare` of params.yaml; `out`: the directory to make, whole or not at
    all; `chunk_documents`: documents a chunk, which the result does not depend on.
    **Returns:** the data card, which also lies in `out` as card.json.
    **Raises:** `UserError` for a source that cannot be had or has moved, an empty split, a full disk.
    """
    corpus = resolve(params)
    resume = main_root() / ".resume"
    folder = resume / f"prepare-{_key(params, corpus, chunk_documents)[:16]}"
    with full_disk_said_clearly(out, folder):
        resume.mkdir(parents=True, exist_ok=True)
        with FileLock(resume / "prepare.lock"):
            with closing(Chunks(folder)) as chunks:
                card = _prepare(params, corpus, chunks, out, chunk_documents)
            shutil.rmtree(folder)
    return card


def _prepare(params: Prepare, corpus: Corpus, chunks: Chunks, out: Path, chunk_documents: int) -> dict[str, Any]:
    chunks.collect(open_source(corpus), params, chunk_documents=chunk_documents)
    chunks.prove_disjoint()
    tokenizer, trained_on = _tokenizer(params, corpus, chunks)
    dtype = token_type(tokenizer.get_vocab_size())
    tokenise(chunks, tokenizer, dtype)
    totals = chunks.totals()
    with atomic_directory(out) as partial:
        shutil.copy(chunks.folder / TOKENIZER, partial)
        card = {
            "corpus": params.corpus if isinstance(params.corpus, str) else corpus.kind,
            "source": corpus.model_dump(mode="json"),
            "licence": getattr(corpus, "licence", "none: generated"),
            "tokenizer": {
                "kind": "words" if corpus.kind == "synthetic" else params.tokenizer.kind,
                "trained_on_documents": trained_on,
                "sha256": sha256_file(partial / TOKENIZER),
            },
            "vocabulary_size": tokenizer.get_vocab_size(),
            "eos_token": EOS,
            "eos_id": tokenizer.token_to_id(EOS),
            "dtype": dtype.name,
            "documents_read": totals["read"],
            "empty_removed": totals["empty"],
            "duplicates_removed": totals["duplicates"],
            "splits": {split: assemble(chunks, split, partial) for split in SPLITS},
            "disjoint": True,
            "disjoint_proof": "no SHA-256 of a document's text, whitespace normalised, stands in two splits",
        }
        write_sealed(partial / "card.json", card)
    return card


def _tokenizer(params: Prepare, corpus: Corpus, chunks: Chunks) -> tuple[Tokenizer, int]:
    """Return the tokenizer, kept in the resume folder once made, and how many documents trained it."""
    trained_on = 0
    if params.tokenizer.kind == "bpe" and corpus.kind != "synthetic":
        trained_on = chunks.totals()["train"]
        if getattr(corpus, "streaming", False):
            trained_on = min(trained_on, STREAMED_BPE_DOCUMENTS)
    path = chunks.folder / TOKENIZER
    if not path.is_file():
        if corpus.kind == "synthetic":
            tokenizer = words_tokenizer(vocabulary(corpus))
        else:
            # `tokenizers` reads from a thread of its own, where the chunks' database may not be used: the range
            # is taken here, and reading texts asks files alone.
            texts = (text for number in range(len(chunks)) for text in chunks.texts(number, "train"))
            tokenizer = build_tokenizer(params.tokenizer, islice(texts, trained_on))
        write_bytes(path, tokenizer.to_str(pretty=True).encode())
    return load_tokenizer(path), trained_on


def _key(params: Prepare, corpus: Corpus, chunk_documents: int) -> str:
    """Name the work: another corpus, other parameters, code or libraries must not resume it."""
    code = Path(__file__).parent
    return sha256_json(
        {
            "params": params.model_dump(mode="json"),
            "corpus": corpus.model_dump(mode="json"),
            "chunk_documents": chunk_documents,
            "code": {str(path.relative_to(code)): sha256_file(path) for path in sorted(code.rglob("*.py"))},
            "packages": {name: version(name) for name in ("tokenizers", "mwparserfromhell", "datasets")},
        }
    )
