"""What every table consists of."""

from __future__ import annotations

from dataclasses import dataclass, field

from resnetbk.report.origins import Origin


@dataclass(frozen=True)
class Link:
    """A cell that leads to another place of the page."""

    text: str
    anchor: str


@dataclass(frozen=True)
class Cell:
    """A cell, or a row's heading, that came from elsewhere than its row."""

    text: str
    origin: Origin


@dataclass(frozen=True)
class Row:
    """A row: its heading, its cells (of one line or more), its model's place in run.models if it is one's, the id
    under which the page finds it, and where its cells came from, None if from where its table did."""

    heading: str | Cell
    cells: list[str | Cell | Link]
    place: int | None = None
    anchor: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Table:
    """A table: `columns` heads the row headings first and then the cells; `words` are columns of prose; `origin`
    is where its numbers came from, None where no stage makes them; `said` where those of its caption did."""

    caption: str
    columns: list[str]
    rows: list[Row]
    words: set[str] = field(default_factory=set)
    origin: Origin | None = None
    said: Origin | None = None


def model_rows(
    models: list[str], cells: dict[str, list[str | Cell | Link]], origins: dict[str, Origin] | None = None
) -> list[Row]:
    """Return a row for each model that has cells, in the order of `models`.

    **Arguments:** `origins`: by model where its row came from, None if from where the table did.
    """
    return [
        Row(name, cells[name], place, origin=origins[name] if origins else None)
        for place, name in enumerate(models)
        if name in cells
    ]


def mean_and_range(mean: str, lowest: str, highest: str) -> str:
    """Return a mean with its lowest and highest seed beneath it."""
    return f"{mean}\n{lowest} to {highest}"
