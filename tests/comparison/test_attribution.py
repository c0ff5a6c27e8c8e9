"""A difference from the baseline is split along a chain of models, and the parts sum to the whole."""

from __future__ import annotations

import pytest

from resnetbk.comparison.attribution import attribution_steps
from resnetbk.comparison.outcome import compare

EFFECTS = {"resnet_bk": -0.3, "exponential_gate": -0.35, "mamba": 0.0, "mamba_normed": -0.2, "transformer": 0.9}


def steps(experiment, name="resnet_bk"):
    params = experiment.params
    return attribution_steps(params.models, params.run.models, "mamba", name)


def test_the_chain_changes_one_thing_at_a_time(make_experiment):
    assert steps(make_experiment(effects=EFFECTS)) == [
        ("initialisation and norm", ("mamba_normed", "mamba")),
        ("block", ("exponential_gate", "mamba_normed")),
        ("resolvent", ("resnet_bk", "exponential_gate")),
    ]


@pytest.mark.parametrize("missing", ["mamba_normed", "exponential_gate"])
def test_without_a_link_there_is_no_chain(make_experiment, missing):
    effects = {name: effect for name, effect in EFFECTS.items() if name != missing}
    experiment = make_experiment(effects=effects)
    assert steps(experiment) == []
    comparison = compare(experiment.params, experiment.root)
    assert comparison["attribution"][0]["parts"] == []
    assert "What the difference of" in comparison["summary"]


def test_a_normed_baseline_that_differs_in_more_is_no_link(make_experiment):
    experiment = make_experiment(effects=EFFECTS)
    experiment.content["models"]["mamba_normed"]["state_size"] *= 2
    assert steps(experiment) == []


def test_the_parts_sum_to_the_whole(make_experiment):
    experiment = make_experiment(effects=EFFECTS)
    (found,) = compare(experiment.params, experiment.root)["attribution"]
    assert (found["model"], found["against"]) == ("resnet_bk", "mamba")
    assert sum(part["difference"] for part in found["parts"]) == pytest.approx(found["difference"], abs=1e-7)
    planted = [EFFECTS["mamba_normed"], -0.15, 0.05]
    assert [part["difference"] for part in found["parts"]] == pytest.approx(planted, abs=0.04)


def test_every_part_is_a_comparison_under_holms_correction(make_experiment):
    experiment = make_experiment(effects=EFFECTS)
    comparison = compare(experiment.params, experiment.root)
    rows = {row["key"]: row for row in comparison["comparisons"]}
    assert len(rows) == len(comparison["comparisons"]) == 6
    for part in comparison["attribution"][0]["parts"]:
        row = rows[part["comparison"]]
        assert part["confidence_interval"] == row["confidence_interval"]
        assert row["p_value_corrected"] >= row["p_value"]
    first = comparison["attribution"][0]["parts"][0]
    assert f"is made up of {first['difference']:+.4f} by the initialisation and norm (" in comparison["summary"]
