"""Every model comes within 1 % of its budget, or says what is possible."""

from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.models.sizing import Shape, even, fit
from resnetbk.params import load_params

MODELS = load_params(Path(__file__).parents[2] / "params.yaml").models


@pytest.mark.parametrize("vocabulary_size", [256, 2048])
@pytest.mark.parametrize("budget", [300_000, 1_000_000, 2_280_000])
def test_the_default_models_meet_the_budget(vocabulary_size, budget):
    totals = {
        name: count_parameters(build_model(config, vocabulary_size, budget, 0))["total"]
        for name, config in MODELS.items()
    }
    assert all(total == pytest.approx(budget, rel=0.01) for total in totals.values()), totals


def test_the_control_has_the_shape_of_the_propagator_at_the_default_budget():
    models = [build_model(MODELS[name], 2048, 1_000_000, 0) for name in ("resnet_bk", "exponential_gate")]
    assert models[0].dimensions == models[1].dimensions
    totals = [count_parameters(model)["total"] for model in models]
    assert totals[0] == pytest.approx(totals[1], rel=0.01)


@pytest.mark.parametrize("name", MODELS)
def test_a_budget_too_small_for_the_vocabulary(name):
    with pytest.raises(UserError) as caught:
        build_model(MODELS[name], 50_257, 20_000, 0)
    assert "parameter_budget = 20,000" in str(caught.value)
    assert "vocabulary of 50,257" in str(caught.value)
    assert "the nearest is " in str(caught.value)


def squares(width):
    return [Shape(width, width, 0.0), Shape(width, width + 1, 1.0)]


def fit_squares(budget, count=lambda shape: shape.width * shape.inner):
    return fit(squares, count, step=2, budget=budget, vocabulary_size=1, family="square")


def test_natural_proportions_win_when_both_are_close():
    assert fit_squares(10_000) == Shape(100, 100, 0.0)
    assert fit_squares(10_095) == Shape(100, 101, 1.0)


def test_out_of_reach_names_the_nearest_on_either_side():
    with pytest.raises(UserError, match="the nearest are 110 and 144"):
        fit_squares(120)


def test_even():
    assert [even(x) for x in (0.1, 2.9, 3.1, 341.3)] == [2, 2, 4, 342]
