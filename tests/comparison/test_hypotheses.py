"""What the plan expected, and how the numbers answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnetbk.comparison.hypotheses import answer
from resnetbk.comparison.outcome import compare
from resnetbk.comparison.verdict import Evidence

NOTHING = Evidence(
    difference=-0.01,
    p_value_corrected=0.3,
    equivalence_p_value_corrected=0.4,
    excess_p_value_corrected=0.5,
    seeds=3,
    documents=20,
    not_comparable=None,
)
LOWER = {"p_value_corrected": 0.001}
HIGHER = LOWER | {"difference": 0.01}
CLOSE = {"equivalence_p_value_corrected": 0.001}
FAR = {"excess_p_value_corrected": 0.001}


@pytest.mark.parametrize(
    "expect, changes, expected",
    [
        (["lower"], {}, "undecided"),
        (["lower"], LOWER, "confirmed"),
        (["lower"], HIGHER, "refuted"),
        (["lower"], CLOSE, "undecided"),
        (["higher"], HIGHER, "confirmed"),
        (["higher"], LOWER, "refuted"),
        (["equivalent"], CLOSE, "confirmed"),
        (["equivalent"], CLOSE | HIGHER, "confirmed"),
        (["equivalent"], LOWER, "undecided"),
        (["equivalent"], LOWER | FAR, "refuted"),
        (["lower", "equivalent"], LOWER, "confirmed"),
        (["lower", "equivalent"], CLOSE, "confirmed"),
        (["lower", "equivalent"], HIGHER, "undecided"),
        (["lower", "equivalent"], HIGHER | FAR, "refuted"),
    ],
)
def test_answers(expect, changes, expected):
    assert answer(expect, replace(NOTHING, **changes), alpha=0.05) == expected


def test_a_hypothesis_has_an_alpha_of_its_own():
    evidence = replace(NOTHING, p_value_corrected=0.02)
    assert answer(["lower"], evidence, alpha=0.05) == "confirmed"
    assert answer(["lower"], evidence, alpha=0.01) == "undecided"


@pytest.mark.parametrize("changes", [{"not_comparable": "audit of mamba failed"}, {"seeds": 1}, {"documents": 4}])
def test_what_has_no_verdict_answers_nothing(changes):
    assert answer(["lower"], replace(NOTHING, **LOWER, **changes), alpha=0.05) == "undecided"


@pytest.fixture
def plan(make_experiment):
    """Compare an experiment whose plan holds one hypothesis."""

    def outcome(model, against, expect):
        claim = {"words": f"{model} does better than {against}", "model": model, "against": against}
        experiment = make_experiment(hypotheses={"claim": claim | {"expect": expect, "alpha": 0.05}})
        return compare(experiment.params, experiment.root)

    return outcome


def test_a_claim_of_the_plan_is_answered_first_and_names_its_test(plan):
    comparison = plan("resnet_bk", "mamba", ["lower"])
    (found,) = comparison["hypotheses"]
    assert (found["name"], found["answer"], found["comparison"]) == ("claim", "refuted", "resnet_bk-mamba")
    assert comparison["summary"].startswith(
        'The plan\'s hypothesis "resnet_bk does better than mamba" is refuted '
        "(tested: a lower loss, at alpha 0.05). [resnet_bk-mamba] resnet_bk loses to mamba"
    )


def test_a_pair_that_only_a_hypothesis_names_joins_the_family(plan):
    comparison = plan("resnet_bk", "transformer", ["lower"])
    assert [row["key"] for row in comparison["comparisons"]] == [
        "resnet_bk-mamba",
        "exponential_gate-mamba",
        "transformer-mamba",
        "resnet_bk-exponential_gate",
        "resnet_bk-transformer",
    ]
    assert comparison["hypotheses"][0]["answer"] == "confirmed"


def test_a_pair_the_other_way_round_is_the_same_test(plan):
    comparison = plan("mamba", "resnet_bk", ["lower"])
    (found,) = comparison["hypotheses"]
    assert (found["answer"], found["comparison"]) == ("confirmed", "resnet_bk-mamba")
    assert len(comparison["comparisons"]) == 4


def test_a_hypothesis_on_a_model_outside_the_run_is_said_to_be_untested(plan):
    comparison = plan("resnet_bk", "mamba2", ["lower"])
    assert comparison["hypotheses"][0]["answer"] == "not tested"
    assert comparison["hypotheses"][0]["comparison"] is None
    assert 'does better than mamba2" is not tested: the run lacks one of its models.' in comparison["summary"]
