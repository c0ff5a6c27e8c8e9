"""Where documents come from: one file a kind, each with `documents(corpus) -> Iterator[str]`, lazy and ordered."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from resnetbk.params.corpus import Corpus


def open_source(corpus: Corpus) -> Iterator[str]:
    """Yield the documents of a corpus in its own order, always the same.

    **Raises:** `UserError` when the source cannot be had or is not what was pinned.
    """
    return import_module(f"resnetbk.data.sources.{corpus.kind}").documents(corpus)
