"""A file of the user's own: text, paragraphs, JSON, JSON lines, parquet or a Wikipedia dump."""

from __future__ import annotations

from collections.abc import Iterator

from resnetbk.data.cache import moved
from resnetbk.data.formats import read_documents
from resnetbk.errors import UserError
from resnetbk.params.corpus import FileCorpus
from resnetbk.repro.files import sha256_file
from resnetbk.repro.repository import main_root


def documents(corpus: FileCorpus) -> Iterator[str]:
    """Yield the documents of a local file, after checking its SHA-256."""
    path = main_root() / corpus.path
    if not path.is_file():
        raise UserError(f"prepare.corpus.path: no file {path}")
    found = sha256_file(path)
    if found != corpus.sha256:
        raise moved(f"prepare.corpus.path {corpus.path}", expected=corpus.sha256, found=found)
    return read_documents(path, corpus.format, corpus.text_field)
