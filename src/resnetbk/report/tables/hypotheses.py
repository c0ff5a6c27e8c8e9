"""What the plan expected and what became of it; what a difference is due to."""

from __future__ import annotations

import math

from resnetbk.report.anchors import comparison_anchor, hypothesis_anchor
from resnetbk.report.loading import Results
from resnetbk.report.numbers import MINUS, NOTHING, fixed, interval, signed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.comparison import Attribution, Part
from resnetbk.report.tables.table import Link, Row, Table


def hypothesis_table(results: Results) -> Table:
    """Every hypothesis of the plan with its answer and the test that gave it."""
    comparison = results.comparison
    rows = []
    for number, found in enumerate(comparison.hypotheses):
        cells = [
            found.words,
            " or ".join(found.expect),
            f"{found.alpha:g}",
            NOTHING if found.comparison is None else _pair(results, found.comparison),
            found.answer,
        ]
        link = hypothesis_anchor(comparison, found.name)
        origin = Origin(("compare",), f"hypotheses.{number}")
        rows.append(Row(f"{link.text}. {found.name.replace('_', ' ')}", cells, None, link.anchor, origin))
    columns = ["Hypothesis", "In words", "Expected", "Alpha", "Test", "Answer"]
    return Table(
        "What the plan expected before anything was trained. It is confirmed when one of the expected outcomes "
        "holds at its alpha, refuted when none can, and undecided otherwise.",
        columns,
        rows,
        {"In words", "Expected", "Answer"},
    )


def attribution_tables(results: Results) -> list[Table]:
    """For each model on trial, its difference from the baseline and the parts that it is the sum of."""
    return [
        _attribution(results, found, Origin(("compare",), f"attribution.{number}"))
        for number, found in enumerate(results.comparison.attribution)
        if found.parts
    ]


def _attribution(results: Results, found: Attribution, origin: Origin) -> Table:
    total = math.fsum(part.difference for part in found.parts)
    rows = [
        Row(
            part.change,
            [_pair(results, part.comparison), _numbers(part), _share(part.difference, found.difference)],
        )
        for part in found.parts
    ]
    rows.append(Row("sum of the parts", [NOTHING, signed(total, 4), _share(total, found.difference)]))
    rows.append(Row("the whole", [_pair(results, found.comparison), _numbers(found), NOTHING]))
    return Table(
        f"What the difference between {found.model} and {found.against} is due to, nats per token. Each row "
        "changes one thing, and is a test of its own; the parts add up to the whole.",
        ["Change", "Test", "Difference", "Of the whole"],
        rows,
        origin=origin,
    )


def _share(part: float, whole: float) -> str:
    return f"{fixed(100 * part / whole, 0)}\N{NO-BREAK SPACE}%" if whole else NOTHING


def _numbers(part: Part) -> str:
    return f"{signed(part.difference, 4)}\n{interval(*part.confidence_interval, 4)}"


def _pair(results: Results, key: str) -> Link:
    link = comparison_anchor(results.comparison, key)
    pair = next(pair for pair in results.comparison.comparisons if pair.key == key)
    return Link(f"{link.text}. {pair.model}\n{MINUS} {pair.against}", link.anchor)
