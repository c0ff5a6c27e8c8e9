"""Which pairs make up the family of comparisons."""

from __future__ import annotations

from pathlib import Path

from resnetbk.comparison.pairs import Pair, comparison_pairs, controls
from resnetbk.params import load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
NAMES = ["resnet_bk", "exponential_gate", "mamba", "transformer"]
BLOCK = PARAMS.models["resnet_bk"].model_copy(update={"mixer": "propagator"})
MODELS = {
    **{name: PARAMS.models[name] for name in ("mamba", "transformer")},
    "resnet_bk": BLOCK,
    "exponential_gate": BLOCK.model_copy(update={"mixer": "exponential"}),
}


def test_every_model_meets_the_baseline_and_the_mixer_its_control():
    assert comparison_pairs(MODELS, NAMES, "mamba") == [
        ("resnet_bk", "mamba"),
        ("exponential_gate", "mamba"),
        ("transformer", "mamba"),
        ("resnet_bk", "exponential_gate"),
    ]


def test_a_pair_with_the_baseline_is_not_taken_twice():
    assert ("exponential_gate", "resnet_bk") in comparison_pairs(MODELS, NAMES, "resnet_bk")
    for baseline in NAMES:
        pairs = [frozenset(pair) for pair in comparison_pairs(MODELS, NAMES, baseline)]
        assert len(pairs) == len(set(pairs))


def test_a_block_that_differs_in_more_than_the_mixer_is_no_control():
    models = {**MODELS, "resnet_bk": BLOCK.model_copy(update={"layers": BLOCK.layers + 1})}
    assert controls(models, NAMES, "resnet_bk") == []


def test_a_control_outside_the_run_is_none():
    assert controls(MODELS, ["resnet_bk", "mamba"], "resnet_bk") == []


def test_controls_and_other_families_have_no_control():
    assert controls(MODELS, NAMES, "exponential_gate") == controls(MODELS, NAMES, "mamba") == []


def test_other_plain_mixers_are_controls_after_the_gate():
    rotation = BLOCK.model_copy(update={"mixer": "rotation"})
    models = {"rotation": rotation, **MODELS}
    assert controls(models, list(models), "resnet_bk") == ["exponential_gate", "rotation"]
    assert controls(models, list(models), "rotation") == []


def test_further_pairs_come_last_and_none_twice():
    further = [Pair("mamba", "transformer"), Pair("resnet_bk", "mamba"), Pair("mamba", "transformer")]
    before = comparison_pairs(MODELS, NAMES, "mamba")
    assert comparison_pairs(MODELS, NAMES, "mamba", further) == [*before, ("mamba", "transformer")]


def test_a_pair_goes_by_a_key():
    assert Pair("resnet_bk", "mamba").key == "resnet_bk-mamba"
