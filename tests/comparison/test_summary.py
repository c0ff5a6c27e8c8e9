"""Every claim of the summary names what it rests on, and the place is there."""

from __future__ import annotations

import pytest
from tests.comparison.test_attribution import EFFECTS

from resnetbk.comparison.outcome import compare


def follow(comparison, place):
    """Return what stands at a claim's test; comparisons go by their keys, hypotheses by their names."""
    value = comparison
    for key in place.split("/"):
        if isinstance(value, list):
            (value,) = [item for item in value if key in (item.get("key"), item.get("name"))]
        else:
            value = value[key]
    return value


@pytest.fixture
def comparison(make_experiment):
    claim = {"model": "resnet_bk", "against": "mamba", "expect": ["lower", "equivalent"], "alpha": 0.01}
    hypotheses = {"claim": {"words": "it is no worse", **claim}}
    experiment = make_experiment(effects=EFFECTS, hypotheses=hypotheses)
    return compare(experiment.params, experiment.root)


def test_every_claim_rests_on_something_in_the_file(comparison):
    assert len(comparison["claims"]) >= 8
    for claim in comparison["claims"]:
        assert claim["tests"]
        for place in claim["tests"]:
            follow(comparison, place)
    with pytest.raises(ValueError):
        follow(comparison, "comparisons/resnet_bk-gpt2/p_value_corrected")


def test_the_summary_is_the_claims_in_order_with_their_keys(comparison):
    rest = comparison["summary"]
    for claim in comparison["claims"]:
        assert claim["words"] in rest
        rest = rest.split(claim["words"], 1)[1]
    for row in comparison["comparisons"]:
        assert f"[{row['key']}]" in comparison["summary"]


def test_a_pair_is_spoken_of_once(comparison):
    verdicts = [claim for claim in comparison["claims"] if claim["tests"][0].endswith("/p_value_corrected")]
    assert len(verdicts) == len(comparison["comparisons"])


def test_an_undecided_pair_on_trial_says_what_it_could_have_found(make_experiment):
    effects = {"resnet_bk": 0.0, "exponential_gate": 0.01, "mamba": 0.0}
    experiment = make_experiment(effects=effects)
    experiment.content["compare"]["equivalence_margin"] = 0.003
    comparison = compare(experiment.params, experiment.root)
    row = comparison["comparisons"][0]
    assert row["verdict"] == "undecided"
    assert (
        f"With 3 seeds a true difference as large as the margin ({row['margin']:.4f}) between resnet_bk and mamba "
        f"is found with probability {row['power']['difference']:.2f}; "
    ) in comparison["summary"]
