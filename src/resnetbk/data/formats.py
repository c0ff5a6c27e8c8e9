"""From a file to documents, lazily: one function a format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from resnetbk.data import wikipedia
from resnetbk.errors import UserError
from resnetbk.params.corpus import TextFormat


def read_documents(path: Path, format: TextFormat, text_field: str = "text") -> Iterator[str]:
    """Yield a file's documents.

    **Arguments:** `path`: the file; `format`: how it holds documents - `text` (the whole file is one),
    `paragraphs` (blank lines between them), `json` (a list of strings or objects), `jsonl` (one a line),
    `parquet` (one a row), `wikipedia` (a bz2 dump of pages); `text_field`: the field or column of the text.
    **Raises:** `UserError` when the file does not have that form.
    """
    try:
        if format == "wikipedia":
            yield from wikipedia.articles(path)
        elif format == "parquet":
            yield from _parquet(path, text_field)
        else:
            with open(path, encoding="utf-8", newline=None) as file:
                yield from _TEXT[format](file, text_field, path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text: byte {error.start} ({error.reason})") from None


def _text(file: IO[str], text_field: str, path: Path) -> Iterator[str]:
    yield file.read()


def _paragraphs(file: IO[str], text_field: str, path: Path) -> Iterator[str]:
    paragraph: list[str] = []
    for line in file:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield "".join(paragraph)
            paragraph = []
    if paragraph:
        yield "".join(paragraph)


def _json(file: IO[str], text_field: str, path: Path) -> Iterator[str]:
    try:
        rows = json.load(file)
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(rows, list):
        raise UserError(f"{path}: expected a JSON list of documents, found {type(rows).__name__}")
    for number, row in enumerate(rows):
        yield _field(row, text_field, f"{path}, item {number}")


def _jsonl(file: IO[str], text_field: str, path: Path) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not valid JSON: {error}") from None
        yield _field(row, text_field, f"{path}, line {number}")


def _parquet(path: Path, text_field: str) -> Iterator[str]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if text_field not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                raise UserError(f"{path}: no column {text_field!r}; it has {names}")
            for batch in file.iter_batches(batch_size=256, columns=[text_field]):
                for text in batch.column(0).to_pylist():
                    yield _field(text, text_field, str(path))
    except pyarrow.ArrowInvalid as error:
        raise UserError(f"{path}: not a parquet file, or a truncated one: {error}") from None


def _field(row: Any, text_field: str, where: str) -> str:
    text = row.get(text_field) if isinstance(row, dict) else row
    if not isinstance(text, str):
        found = f"fields {', '.join(row)}" if isinstance(row, dict) else type(row).__name__
        raise UserError(f"{where}: expected text, or an object with text in {text_field!r}; found {found}")
    return text


_TEXT = {"text": _text, "paragraphs": _paragraphs, "json": _json, "jsonl": _jsonl}
