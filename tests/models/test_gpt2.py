"""GPT-2 is Hugging Face's: initialisation, logits and gradients; its positions end, and it says so."""

import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, gpt2
from transformers import GPT2LMHeadModel

from resnetbk.errors import UserError
from resnetbk.models.registry import build_model


@pytest.fixture
def model():
    return build_model(gpt2(), VOCABULARY, BUDGET, 0)


@pytest.fixture
def original(model):
    original = GPT2LMHeadModel(model.config)
    original.load_state_dict(model.state_dict())
    return original


def test_the_bits_are_those_of_the_original_class(model):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        original = GPT2LMHeadModel(model.config).state_dict()
    assert original.keys() == model.state_dict().keys()
    assert all(torch.equal(value, original[name]) for name, value in model.state_dict().items())
    assert model.lm_head.weight is model.transformer.wte.weight


def run(model, tokens_BL):
    model.zero_grad()
    output = model(tokens_BL)
    logits_BLV = output if torch.is_tensor(output) else output.logits
    F.cross_entropy(logits_BLV[:, :-1].flatten(0, 1), tokens_BL[:, 1:].flatten()).backward()
    return logits_BLV.detach(), {name: p.grad for name, p in model.named_parameters()}


def test_logits_and_gradients_are_those_of_the_original_class(model, original, tokens_BL):
    ours, our_gradients = run(model, tokens_BL)
    theirs, their_gradients = run(original, tokens_BL)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-6)
    for name, gradient in their_gradients.items():
        assert (our_gradients[name] - gradient).norm() < 1e-5 * gradient.norm(), name
    with torch.no_grad():
        original.transformer.h[1].mlp.c_fc.weight.mul_(1.1)
        assert (model(tokens_BL) - original(tokens_BL).logits).abs().max() > 2e-5


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
