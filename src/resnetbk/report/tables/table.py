"""What every table consists of."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Link:
    """A cell that leads to another place of the page."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Row:
    """A row: its heading, its cells (of one line or more), its model's place in run.models if it is one's, and the
    id under which the page finds it."""

    heading: str
    cells: list[str | Link]
    place: int | None = None
    anchor: str | None = None


@dataclass(frozen=True)
class Table:
    """A table: `columns` heads the row headings first and then the cells; `words` are columns of prose."""

    caption: str
    columns: list[str]
    rows: list[Row]
    words: set[str] = field(default_factory=set)


def model_rows(models: list[str], cells: dict[str, list[str | Link]]) -> list[Row]:
    """Return a row for each model that has cells, in the order of `models`."""
    return [Row(name, cells[name], place) for place, name in enumerate(models) if name in cells]


def mean_and_range(mean: str, lowest: str, highest: str) -> str:
    """Return a mean with its lowest and highest seed beneath it."""
    return f"{mean}\n{lowest} to {highest}"
