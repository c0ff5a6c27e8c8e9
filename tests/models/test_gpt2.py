"""GPT-2: its positions end, and it says so; parity with Hugging Face's is in test_originals.py."""

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, gpt2

from resnetbk.errors import UserError
from resnetbk.models.registry import build_model


@pytest.fixture
def model():
    return build_model(gpt2(), VOCABULARY, BUDGET, 0)


def test_nothing_is_dropped_out_in_training(model, tokens_BL):
    assert model.training
    assert torch.equal(model(tokens_BL), model(tokens_BL))


def test_a_sequence_as_long_as_the_context_and_one_longer(model):
    tokens_BL = torch.zeros(1, 49, dtype=torch.int64)
    assert model(tokens_BL[:, :48]).isfinite().all()
    message = "49 tokens is longer than its 48 learned positions.*raise context in models"
    with pytest.raises(UserError, match=message):
        model(tokens_BL)
    _, state = model.step(tokens_BL[:, :47], model.initial_state(1))
    _, state = model.step(tokens_BL[:, 47:48], state)
    with pytest.raises(UserError, match=message):
        model.step(tokens_BL[:, 48:], state)


def test_keys_that_shape_it_are_heeded():
    dimensions = build_model(gpt2(ffn_ratio=2.0, context=100, heads=6), VOCABULARY, BUDGET, 0).dimensions
    assert dimensions["ffn_width"] / dimensions["width"] == pytest.approx(2.0, rel=0.2)
    assert dimensions["width"] % 6 == 0
    assert dimensions["context"] == 100


def test_state_size_is_the_keys_and_values(model):
    assert model.state_size(7) == 2 * 2 * 7 * model.dimensions["width"] * 4
