"""The report as one HTML file that needs nothing beside it: no network, no script, no font."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from resnetbk.comparison.verdict import EQUIVALENT, HIGHER, LOWER
from resnetbk.report import tables
from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed, percent
from resnetbk.report.shapes import PairResult
from resnetbk.report.style import series_style
from resnetbk.report.svg import inline

_SENTENCES = {
    LOWER: "has a lower loss than",
    HIGHER: "has a higher loss than",
    EQUIVALENT: "is equivalent, within the margin, to",
}


def render_page(
    results: Results, figures: Mapping[str, tuple[bytes, list[tables.Table]]], smoothing: int
) -> bytes:
    """Render the report.

    **Arguments:** `results`: what the report shows; `figures`: for each of learning_curves, loss_by_position and
    comparison its SVG file and the tables of its numbers; `smoothing`: window of the training loss's running mean.
    **Returns:** index.html in UTF-8, a function of the arguments alone.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page = environment.get_template("template.html").render(
        results=results,
        comparison=results.comparison,
        styles=[series_style(place) for place in range(len(results.models))],
        headlines=[_headline(pair) for pair in results.comparison.comparisons],
        place=results.models.index,
        above_bigram=[name for name, score in results.comparison.models.items() if not score.below_bigram],
        ledger=next(iter(results.comparison.models.values())).ledger,
        tables=tables,
        confidence=tables.confidence(results),
        card=[
            *_flatten(results.card.model_extra),
            *_flatten({name: split.model_extra for name, split in results.card.splits.items()}),
        ],
        figures={
            name: {"svg": Markup(inline(svg, name)), "tables": data} for name, (svg, data) in figures.items()
        },
        smoothing=smoothing,
        fixed=fixed,
        percent=percent,
    )
    return page.encode()


def _headline(pair: PairResult) -> tuple[PairResult, str, str]:
    """Return a pair, the words that join its two names, and what follows them."""
    note = "" if pair.note is None else f" ({pair.note})"
    if pair.verdict in _SENTENCES:
        return pair, _SENTENCES[pair.verdict], note
    return pair, "against", f": {pair.verdict}{note}"


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Name every value of a nested mapping in words."""
    for key, item in value.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(item, Mapping):
            yield from _flatten(item, name)
        elif isinstance(item, bool) or item is None:
            yield name, {True: "yes", False: "no", None: NOTHING}[item]
        elif isinstance(item, int):
            yield name, fixed(item, 0)
        else:
            yield name, ", ".join(map(str, item)) if isinstance(item, list) else str(item)
