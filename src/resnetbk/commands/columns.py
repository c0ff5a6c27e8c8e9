"""Facts for people, in two columns."""

from __future__ import annotations


def columns(rows: dict[str, str]) -> list[str]:
    """Return a line for each name and its text, the texts below one another."""
    width = max(map(len, rows))
    return [f"{name:<{width}}  {text}" for name, text in rows.items()]
