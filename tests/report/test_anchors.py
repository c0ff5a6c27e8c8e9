"""A claim leads to the rows that it rests on, and one that rests on nothing is refused."""

from __future__ import annotations

import json

import pytest

from resnetbk.errors import UserError
from resnetbk.report.anchors import linked_claims
from resnetbk.report.shapes.comparison import Comparison


def claims(compared: str, tests: list[str]):
    return linked_claims(
        Comparison.model_validate({**json.loads(compared), "claims": [{"words": "So it is.", "tests": tests}]})
    )


def test_rows_are_named_once_and_in_order(compared):
    tests = [
        "hypotheses/lower",
        "comparisons/resnet_bk-mamba/p_value",
        "comparisons/resnet_bk-mamba/power",
        "plan",
    ]
    (claim,) = claims(compared, [*tests, "models/mamba", "ngrams/bigram/loss"])
    assert claim.planned
    assert [link.anchor for link, _ in claim.links] == ["hypothesis-1", "test-1", "plan", "score-3", "score-7"]
    assert [link.text for link, _ in claim.links] == ["H1", "1", "plan", "score", "score"]


@pytest.mark.parametrize(
    "test", ["comparisons/mamba-resnet_bk", "comparisons", "hypotheses/none", "models/gpt3", "luck/of/draw", ""]
)
def test_a_claim_that_rests_on_nothing_is_refused(compared, test):
    with pytest.raises(UserError, match=r"comparison\.json: claims\.0\.tests: .* is no place in this file"):
        claims(compared, ["plan", test])
