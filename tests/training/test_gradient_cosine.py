import numpy as np
import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, mamba, resnet_bk

from resnetbk.models.registry import build_model
from resnetbk.training.gradient_cosine import blended_mixers, hybrid_cosine


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    rows_BL = torch.from_numpy(np.random.default_rng(0).integers(VOCABULARY, size=(2, 13)))
    return rows_BL[:, :-1], rows_BL[:, 1:]


def cosine(batch, blend):
    return hybrid_cosine(build_model(resnet_bk(hybrid_gradient=blend), VOCABULARY, BUDGET, seed=0), *batch)


def test_a_smaller_blend_is_nearer_to_the_exact_gradient(batch):
    slightly, wholly = cosine(batch, 1e-3), cosine(batch, 1.0)
    assert -1 <= wholly < slightly < 1


def test_exact_training_has_nothing_to_compare(batch):
    for exact in (resnet_bk(hybrid_gradient=0.0), mamba()):
        model = build_model(exact, VOCABULARY, BUDGET, seed=0)
        assert blended_mixers(model) == []
        assert hybrid_cosine(model, *batch) == pytest.approx(1, abs=1e-12)


def test_the_model_is_left_alone(batch):
    model = build_model(resnet_bk(hybrid_gradient=0.5), VOCABULARY, BUDGET, seed=0).train()
    before = hybrid_cosine(model, *batch)
    assert [layer.block.mixer.hybrid_gradient for layer in model.layers] == [0.5, 0.5]
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert hybrid_cosine(model, *batch) == before
