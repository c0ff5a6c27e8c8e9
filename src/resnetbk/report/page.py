"""The report as one HTML file that needs nothing beside it: no network, no font; its script can be missed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from resnetbk.params import Params
from resnetbk.report.anchors import PLAN, linked_claims
from resnetbk.report.card import card_rows
from resnetbk.report.figure import Figure
from resnetbk.report.linking import Linking
from resnetbk.report.loading import Results
from resnetbk.report.numbers import fixed, percent
from resnetbk.report.origins import Origin, Sources, by_stage
from resnetbk.report.style import series_style
from resnetbk.report.svg import inline
from resnetbk.report.tables import comparison, data, hypotheses, ledger, opinions
from resnetbk.report.tables.packages import packages_table
from resnetbk.repro.levels import environment

_HERE = Path(__file__).parent


def render_page(
    params: Params, results: Results, figures: Mapping[str, Figure], sources: Sources, *, root: Path
) -> bytes:
    """Render the report.

    **Arguments:** `params`: the run's; `results`: what the report shows; `figures`: by name; `sources`: the files
    behind both; `root`: the repository, with requirements.lock.
    **Returns:** index.html in UTF-8, a function of the arguments and of the lock alone.
    """
    templates = Environment(
        loader=FileSystemLoader(_HERE, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = f"\n{(_HERE / 'page.js').read_text(encoding='utf-8')}"
    page = templates.get_template("template.html").render(
        params=params,
        results=results,
        comparison=results.comparison,
        styles=[series_style(place) for place in range(len(results.models))],
        linking=Linking(sources),
        stages=by_stage(sources),
        script=Markup(script),
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        claims=linked_claims(results.comparison),
        plan=PLAN,
        cells=[cell for score in results.comparison.models.values() for cell in score.ledger],
        broken=ledger.broken_rows(results),
        hypotheses=hypotheses.hypothesis_table(results),
        attributions=hypotheses.attribution_tables(results),
        scores=comparison.score_table(results),
        second_opinions=opinions.second_opinion_table(results),
        power=opinions.power_table(results),
        notes=comparison.notes(results),
        ledger=ledger.ledger_table(results),
        ledger_cells=ledger.cells_table(results),
        audits=data.audit_table(results),
        audit_details=data.audit_details(results),
        splits=data.split_table(results),
        card=card_rows(results.card),
        packages=packages_table(root),
        variables=environment(params.run.determinism),
        confidence=comparison.confidence(results),
        figures={
            name: {"svg": Markup(inline(figure.svg, name)), "tables": figure.tables, "stages": figure.stages}
            for name, figure in figures.items()
        },
        Origin=Origin,
        fixed=fixed,
        percent=percent,
    )
    return page.encode()
