import pytest
import torch
from tests.tasks.small_tasks import QUICK, copying, mqar

from resnetbk.models.registry import build_model
from resnetbk.params import load_params
from resnetbk.tasks.generators import load_generator
from resnetbk.tasks.training import Recipe, train_on_task
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.divergence import DivergenceError

RECIPE = Recipe(1e-2, 0.01, 0.9, 0.95, 1.0)


@pytest.fixture(scope="module")
def models(pytestconfig):
    return load_params(pytestconfig.rootpath / "params.yaml").models


def build(config, task, seed=0):
    config = config.model_copy(update={"layers": task.layers})
    return build_model(config, load_generator(task.kind).vocabulary_size(task), task.parameter_budget, seed)


def test_a_model_learns_to_copy(models):
    task = copying(copied=2, vocabulary=5, length=8, batch_size=32, validation_rows=64)
    curve = train_on_task(build(models["mamba"], task), task, RECIPE, steps=120, seed=0)
    assert [row["step"] for row in curve] == [60, 120]
    assert curve[-1]["validation_accuracy"] > 0.9


def test_the_weights_are_a_function_of_the_seed(models):
    task, hashes = mqar(), []
    for seed in (1, 1, 2):
        model = build(models["transformer"], task)
        train_on_task(model, task, RECIPE, steps=2, seed=seed)
        hashes.append(weights_hash(model))
    assert hashes[0] == hashes[1] != hashes[2]


def test_divergence_tells_its_step(models):
    model = build(models["transformer"], mqar())
    with torch.no_grad():
        next(model.parameters()).fill_(float("inf"))
    with pytest.raises(DivergenceError) as caught:
        train_on_task(model, mqar(), RECIPE, steps=2, seed=0)
    assert caught.value.step == 1


def test_weights_that_break_in_the_last_step_are_divergence_too(models):
    hot = Recipe(float("inf"), 0.0, 0.9, 0.95, 1.0)
    with pytest.raises(DivergenceError, match="the validation loss") as caught:
        train_on_task(build(models["transformer"], mqar()), mqar(warmup_steps=0), hot, steps=1, seed=0)
    assert caught.value.step == 1


def test_every_step_is_told(models):
    told = []
    train_on_task(
        build(models["transformer"], mqar()),
        mqar(),
        RECIPE,
        steps=QUICK["steps"],
        seed=0,
        on_step=lambda step, loss: told.append((step, loss)),
    )
    assert [step for step, _ in told] == [1, 2, 3, 4]
