"""What a figure is to the page."""

from __future__ import annotations

from dataclasses import dataclass

from resnetbk.report.tables.table import Table


@dataclass(frozen=True)
class Figure:
    """A figure as an SVG file, the tables of its numbers, and the stages whose files it is drawn from."""

    svg: bytes
    tables: list[Table]
    stages: tuple[str, ...]
