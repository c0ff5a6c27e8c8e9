"""The points of the curves, the audits and the corpus."""

from __future__ import annotations

import pandas as pd

from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.tables.table import Row, Table, mean_and_range


def series_table(frame: pd.DataFrame, along: str, models: list[str], *, caption: str, heading: str) -> Table:
    """The points of a figure: a row a point, a column a model with its mean and its spread over seeds.

    **Arguments:** `frame`: columns model, `along`, mean, lowest, highest, as `series.spread` gives them.
    """
    cells = {
        (point, model): mean_and_range(*(fixed(value, 4) for value in values))
        for point, model, *values in zip(
            *(frame[column] for column in (along, "model", "mean", "lowest", "highest")), strict=True
        )
    }
    points = sorted(set(frame[along]))
    rows = [Row(fixed(point, 0), [cells.get((point, model), "") for model in models]) for point in points]
    return Table(caption, [heading, *models], rows)


def audit_table(results: Results) -> Table:
    """Which check each model passed."""
    checks = dict.fromkeys(check for audit in results.audits.values() for check in audit.checks)
    rows = []
    for place, (name, audit) in enumerate(results.audits.items()):
        outcomes = [audit.checks[check].passed if check in audit.checks else None for check in checks]
        rows.append(
            Row(name, [{True: "passed", False: "failed", None: NOTHING}[passed] for passed in outcomes], place)
        )
    return Table("Checks that a model passes before it trains.", ["Model", *map(_plain, checks)], rows)


def audit_details(results: Results) -> Table:
    """What each check found, in its own words."""
    rows = [
        Row(name, [_plain(check), outcome.detail], results.models.index(name))
        for name, audit in results.audits.items()
        for check, outcome in audit.checks.items()
    ]
    return Table("What each check found.", ["Model", "Check", "Finding"], rows, {"Check", "Finding"})


def split_table(results: Results) -> Table:
    """The corpus, split by split."""
    rows = [
        Row(name, [fixed(split.documents, 0), fixed(split.tokens, 0), fixed(split.bytes, 0)])
        for name, split in results.card.splits.items()
    ]
    return Table("Splits of the corpus.", ["Split", "Documents", "Tokens", "Bytes of text"], rows)


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()
