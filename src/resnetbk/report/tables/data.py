"""The points of the curves, the audits and the corpus."""

from __future__ import annotations

import pandas as pd

from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.origins import Origin
from resnetbk.report.tables.table import Cell, Row, Table, mean_and_range


def series_table(
    frame: pd.DataFrame, along: str, models: list[str], *, caption: str, heading: str, stage: str, key: str
) -> Table:
    """The points of a figure: a row a point, a column a model with its mean and its spread over seeds.

    **Arguments:** `frame`: columns model, `along`, mean, lowest, highest, as `series.spread` gives them; `stage`,
    `key`: what measured the values, and under which name its files have them.
    """
    origins = {model: Origin((stage, model), key) for model in models}
    cells = {
        (point, model): Cell(mean_and_range(*(fixed(value, 4) for value in values)), origins[model])
        for point, model, *values in zip(
            *(frame[column] for column in (along, "model", "mean", "lowest", "highest")), strict=True
        )
    }
    firsts = frame.drop_duplicates(along).sort_values(along)
    rows = [
        Row(Cell(fixed(point, 0), origins[first]), [cells.get((point, model), "") for model in models])
        for point, first in zip(firsts[along], firsts.model, strict=True)
    ]
    return Table(caption, [heading, *models], rows)


def audit_table(results: Results) -> Table:
    """Which check each model passed."""
    checks = dict.fromkeys(check for audit in results.audits.values() for check in audit.checks)
    rows = []
    for place, (name, audit) in enumerate(results.audits.items()):
        outcomes = [audit.checks[check].passed if check in audit.checks else None for check in checks]
        rows.append(
            Row(
                name,
                [{True: "passed", False: "failed", None: NOTHING}[passed] for passed in outcomes],
                place,
                origin=Origin(("audit", name), "checks"),
            )
        )
    return Table("Checks that a model passes before it trains.", ["Model", *map(_plain, checks)], rows)


def audit_details(results: Results) -> Table:
    """What each check found, in its own words."""
    rows = [
        Row(
            name,
            [_plain(check), outcome.detail],
            results.models.index(name),
            origin=Origin(("audit", name), f"checks.{check}"),
        )
        for name, audit in results.audits.items()
        for check, outcome in audit.checks.items()
    ]
    return Table("What each check found.", ["Model", "Check", "Finding"], rows, {"Check", "Finding"})


def split_table(results: Results) -> Table:
    """The corpus, split by split."""
    rows = [
        Row(
            name,
            [fixed(split.documents, 0), fixed(split.tokens, 0), fixed(split.bytes, 0)],
            origin=Origin(("prepare",), f"splits.{name}"),
        )
        for name, split in results.card.splits.items()
    ]
    return Table("Splits of the corpus.", ["Split", "Documents", "Tokens", "Bytes of text"], rows)


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()
