"""The report as one HTML file that needs nothing beside it: no network, no script, no font."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from resnetbk.params import Params
from resnetbk.report.anchors import PLAN, linked_claims
from resnetbk.report.figure import Figure
from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed, percent
from resnetbk.report.style import series_style
from resnetbk.report.svg import inline
from resnetbk.report.tables import comparison, data, hypotheses, ledger


def render_page(params: Params, results: Results, figures: Mapping[str, Figure]) -> bytes:
    """Render the report.

    **Arguments:** `params`: the run's; `results`: what the report shows; `figures`: by name.
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
    cells = [cell for score in results.comparison.models.values() for cell in score.ledger]
    page = environment.get_template("template.html").render(
        params=params,
        results=results,
        comparison=results.comparison,
        styles=[series_style(place) for place in range(len(results.models))],
        claims=linked_claims(results.comparison),
        plan=PLAN,
        cells=cells,
        broken=ledger.broken_rows(results),
        hypotheses=hypotheses.hypothesis_table(results),
        attributions=hypotheses.attribution_tables(results),
        scores=comparison.score_table(results),
        second_opinions=comparison.second_opinion_table(results),
        power=comparison.power_table(results),
        ledger=ledger.ledger_table(results),
        ledger_cells=ledger.cells_table(results),
        audits=data.audit_table(results),
        audit_details=data.audit_details(results),
        splits=data.split_table(results),
        confidence=comparison.confidence(results),
        card=[
            *_flatten(results.card.model_extra),
            *_flatten({name: split.model_extra for name, split in results.card.splits.items()}),
        ],
        figures={
            name: {"svg": Markup(inline(figure.svg, name)), "tables": figure.tables}
            for name, figure in figures.items()
        },
        fixed=fixed,
        percent=percent,
    )
    return page.encode()


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
