"""Multi-query associative recall has Zoology's published shape (Arora et al. 2023, figure 2), at reduced size."""

import pytest

from resnetbk.models.registry import build_model
from resnetbk.params import load_params
from resnetbk.params.tasks import MultiQueryRecall
from resnetbk.tasks.training import Recipe, train_on_task

TASK = MultiQueryRecall(
    kind="mqar",
    pairs=4,
    vocabulary=64,
    length=32,
    layers=2,
    parameter_budget=25_000,
    steps=1000,
    tune_steps=1000,
    warmup_steps=100,
    batch_size=64,
    validations=1,
)


def accuracy(config, budget: int) -> float:
    model = build_model(config, TASK.vocabulary, budget, seed=0)
    recipe = Recipe(6e-3, 0.01, 0.9, 0.95, 1.0)
    return train_on_task(model, TASK, recipe, steps=TASK.steps, seed=0)[-1]["validation_accuracy"]


@pytest.mark.nightly
def test_attention_recalls_at_small_width_and_a_gated_recurrence_needs_width(pytestconfig):
    models = load_params(pytestconfig.rootpath / "params.yaml").models
    gate = models["exponential_gate"]
    assert accuracy(models["transformer"], 25_000) > 0.95
    narrow = accuracy(gate.model_copy(update={"heads": 16}), 24_690)
    wide = accuracy(gate.model_copy(update={"heads": 32}), 100_000)
    assert narrow < 0.5
    assert wide > narrow + 0.1
