"""The five verdicts and their precedence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnetbk.comparison.verdict import Evidence, decide

NOTHING = Evidence(
    difference=0.01,
    p_value_corrected=0.3,
    equivalence_p_value_corrected=0.4,
    excess_p_value_corrected=0.5,
    seeds=3,
    documents=20,
    not_comparable=None,
)
CERTAIN, EQUAL = {"p_value_corrected": 0.001}, {"equivalence_p_value_corrected": 0.001}


@pytest.mark.parametrize(
    "changes, verdict",
    [
        ({}, "undecided"),
        (CERTAIN, "higher loss"),
        (CERTAIN | {"difference": -0.01}, "lower loss"),
        (EQUAL, "equivalent within the margin"),
        (CERTAIN | {"not_comparable": "audit of mamba failed"}, "not comparable: audit of mamba failed"),
        (CERTAIN | EQUAL, "higher loss"),
    ],
)
def test_verdicts(changes, verdict):
    assert decide(replace(NOTHING, **changes), alpha=0.05)[0] == verdict


def test_a_certain_difference_within_the_margin_says_so():
    assert "within the margin" in decide(replace(NOTHING, **CERTAIN, **EQUAL), alpha=0.05)[1]


def test_alpha_counts():
    evidence = replace(NOTHING, p_value_corrected=0.02)
    assert decide(evidence, alpha=0.05)[0] == "higher loss"
    assert decide(evidence, alpha=0.01)[0] == "undecided"


@pytest.mark.parametrize(
    "few, note",
    [
        ({"seeds": 1}, "says nothing about other seeds"),
        ({"documents": 4}, "4 held-out documents; a verdict needs 5"),
    ],
)
@pytest.mark.parametrize("numbers", [CERTAIN, EQUAL], ids=["certain", "equal"])
def test_no_verdict_rests_on_too_few(few, note, numbers):
    verdict, found = decide(replace(NOTHING, **numbers, **few), alpha=0.05)
    assert verdict == "undecided"
    assert note in found


@pytest.mark.parametrize("numbers", [{}, CERTAIN, EQUAL, CERTAIN | {"seeds": 1}])
def test_a_model_tuned_at_the_edge_of_its_range_is_named_in_every_note(numbers):
    verdict, note = decide(replace(NOTHING, **numbers, mistuned=("mamba",)), alpha=0.05)
    assert verdict == decide(replace(NOTHING, **numbers), alpha=0.05)[0]
    assert note.endswith("mamba may be mistuned: its learning rate is at the edge of its range")
