"""The corpus's card in words: every value that it has beside the table of its splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.cells import Card
from resnetbk.report.tables.table import Cell

_HASHES = "sha256"


def card_rows(card: Card) -> dict[str, list[tuple[str, Cell]]]:
    """Return the values of the card by name, what a reader asks for apart from the hashes.

    **Returns:** `facts` and `hashes`, each a list of names in words and values with their origins.
    """
    rows = [
        *_flatten(card.model_extra),
        *_flatten({name: split.model_extra for name, split in card.splits.items()}, "splits."),
    ]
    named = [
        (key.removeprefix("splits.").replace(".", " ").replace("_", " "), Cell(value, Origin(("prepare",), key)))
        for key, value in rows
    ]
    return {
        "facts": [(name, cell) for name, cell in named if not name.endswith(_HASHES)],
        "hashes": [(name, cell) for name, cell in named if name.endswith(_HASHES)],
    }


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name every value of a nested mapping by its keys with dots between them."""
    for name, item in value.items():
        key = f"{prefix}{name}"
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{key}.")
        elif isinstance(item, bool) or item is None:
            yield key, {True: "yes", False: "no", None: NOTHING}[item]
        elif isinstance(item, int):
            yield key, fixed(item, 0)
        else:
            yield key, ", ".join(map(str, item)) if isinstance(item, list) else str(item)
