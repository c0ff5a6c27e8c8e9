"""Where on the page a claim's test stands."""

from __future__ import annotations

from dataclasses import dataclass

from resnetbk.errors import UserError
from resnetbk.report.numbers import MINUS
from resnetbk.report.shapes.comparison import Claim, Comparison
from resnetbk.report.tables.table import Link


@dataclass(frozen=True)
class LinkedClaim:
    """A sentence, whether it answers the plan, and the rows that it rests on, each with a label in words."""

    words: str
    planned: bool
    links: list[tuple[Link, str]]


def comparison_anchor(comparison: Comparison, key: str) -> Link:
    """Return the mark and the row's id of a comparison: its number."""
    number = 1 + [pair.key for pair in comparison.comparisons].index(key)
    return Link(str(number), f"test-{number}")


def hypothesis_anchor(comparison: Comparison, name: str) -> Link:
    """Return the mark and the row's id of a hypothesis: H and its number."""
    number = 1 + [hypothesis.name for hypothesis in comparison.hypotheses].index(name)
    return Link(f"H{number}", f"hypothesis-{number}")


def score_anchor(comparison: Comparison, name: str) -> Link:
    """Return the mark and the row's id of the scores of a model or n-gram."""
    number = 1 + [*comparison.models, *comparison.ngrams].index(name)
    return Link("score", f"score-{number}")


PLAN = Link("plan", "plan")


def linked_claims(comparison: Comparison) -> list[LinkedClaim]:
    """Return the claims of a comparison, each with links to the rows of its tests.

    **Raises:** `UserError` for a claim that rests on nothing in the file.
    """
    return [_linked(comparison, place, claim) for place, claim in enumerate(comparison.claims)]


def _linked(comparison: Comparison, place: int, claim: Claim) -> LinkedClaim:
    links: dict[str, tuple[Link, str]] = {}
    for test in claim.tests:
        try:
            link, label = _target(comparison, test.split("/"))
        except (ValueError, IndexError):
            raise UserError(
                f"metrics/comparison.json: claims.{place}.tests: {test!r} is no place in this file; "
                "make it anew: dvc repro -f compare"
            ) from None
        links[link.anchor] = (link, label)
    planned = claim.tests[0].startswith("hypotheses/")
    return LinkedClaim(claim.words, planned, list(links.values()))


def _target(comparison: Comparison, steps: list[str]) -> tuple[Link, str]:
    if steps == ["plan"]:
        return PLAN, "the plan"
    kind, name = steps[0], steps[1]
    if kind == "comparisons":
        link = comparison_anchor(comparison, name)
        pair = next(pair for pair in comparison.comparisons if pair.key == name)
        return link, f"test of {pair.model} {MINUS} {pair.against}"
    if kind == "hypotheses":
        return hypothesis_anchor(comparison, name), f"hypothesis {name}"
    if kind in ("models", "ngrams"):
        return score_anchor(comparison, name), f"scores of {name}"
    raise ValueError(kind)
