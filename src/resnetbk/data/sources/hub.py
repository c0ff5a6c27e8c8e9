"""Datasets of the Hugging Face hub, at one commit, through `datasets`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from resnetbk.data.disk import is_full
from resnetbk.errors import UserError
from resnetbk.params.corpus import HubCorpus

# Repositories whose rows are lines of longer documents, with what the first line of a document looks like.
FIRST_LINES = {"Salesforce/wikitext": re.compile(r" = [^=].* = \n?")}


def documents(corpus: HubCorpus) -> Iterator[str]:
    """Yield the documents of a dataset; a streamed one is read without being kept.

    **Raises:** `UserError` when the hub does not answer, or does not have the repository, revision, subset,
    split or field.
    """
    texts = (_text(row, corpus) for row in _rows(corpus))
    first_line = FIRST_LINES.get(corpus.repository)
    return join_lines(texts, first_line) if first_line else texts


def join_lines(lines: Iterable[str], first_line: re.Pattern[str]) -> Iterator[str]:
    """Join lines to documents, each of which begins with a line that matches."""
    document: list[str] = []
    for line in lines:
        if first_line.fullmatch(line) and document:
            yield "".join(document)
            document = []
        document.append(line)
    if document:
        yield "".join(document)


def _rows(corpus: HubCorpus) -> Iterator[dict[str, Any]]:
    from datasets import load_dataset_builder
    from datasets.exceptions import DatasetNotFoundError, DatasetsError
    from huggingface_hub.errors import HTTPError

    where = f"{corpus.repository} at revision {corpus.revision[:12]}"
    try:
        builder = load_dataset_builder(corpus.repository, corpus.subset, revision=corpus.revision)
        # Where the hub does not know or answer, `datasets` takes whatever revision its cache holds.
        if builder.hash != corpus.revision:
            raise UserError(
                f"the hub does not give {where}; its cache here holds {builder.hash[:12]}, another one"
            )
        if corpus.streaming:
            yield from builder.as_streaming_dataset(split=corpus.split)
        else:
            builder.download_and_prepare()
            yield from builder.as_dataset(split=corpus.split)
    except DatasetNotFoundError as error:
        raise UserError(f"the hub has no dataset {where}: {error}") from None
    except (DatasetsError, HTTPError, OSError, ValueError) as error:
        if is_full(error):
            raise
        raise UserError(f"cannot read {where} from the hub: {' '.join(str(error).split())}") from None


def _text(row: dict[str, Any], corpus: HubCorpus) -> str:
    text = row.get(corpus.text_field)
    if not isinstance(text, str):
        raise UserError(
            f"{corpus.repository}: expected text in field {corpus.text_field!r}; its fields are {', '.join(row)}"
        )
    return text
