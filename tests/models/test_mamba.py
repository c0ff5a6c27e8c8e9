"""Mamba is Hugging Face's: initialisation, names, logits and gradients."""

import math

import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, mamba
from transformers import MambaForCausalLM

from resnetbk.models.registry import build_model


@pytest.fixture
def model():
    return build_model(mamba(), VOCABULARY, BUDGET, 0)


@pytest.fixture
def original(model):
    original = MambaForCausalLM(model.config)
    original.load_state_dict(model.state_dict())
    return original


def test_initialisation_is_untouched(model):
    for block in model.backbone.layers:
        mixer = block.mixer
        dt = F.softplus(mixer.dt_proj.bias.detach())
        assert 1e-3 * 0.999 <= dt.min() and dt.max() <= 0.1 * 1.001
        assert dt.log().std() > 0.5  # spread over the range, not one value
        rates_ES = torch.arange(1, model.config.state_size + 1).log().expand_as(mixer.A_log)
        torch.testing.assert_close(mixer.A_log.detach(), rates_ES, rtol=1e-6, atol=0)
        assert (mixer.D == 1).all()
        assert (mixer.conv1d.bias == 0).all()
        assert mixer.dt_proj.weight.abs().max() <= model.config.time_step_rank**-0.5
    assert model.backbone.embeddings.weight.std().item() == pytest.approx(0.1, rel=0.05)


def test_the_bits_are_those_of_the_original_class(model):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        original = MambaForCausalLM(model.config).state_dict()
    assert original.keys() == model.state_dict().keys()
    assert all(torch.equal(value, original[name]) for name, value in model.state_dict().items())


def test_rank_is_never_below_the_published_one():
    for budget in (50_000, 60_000, 80_000, 150_000):
        dimensions = build_model(mamba(), VOCABULARY, budget, 0).dimensions
        assert dimensions["time_step_rank"] >= math.ceil(dimensions["width"] / 16)


def run(model, tokens_BL):
    model.zero_grad()
    output = model(tokens_BL)
    logits_BLV = output if torch.is_tensor(output) else output.logits
    F.cross_entropy(logits_BLV[:, :-1].flatten(0, 1), tokens_BL[:, 1:].flatten()).backward()
    return logits_BLV.detach(), {name: p.grad for name, p in model.named_parameters()}


def test_logits_and_gradients_are_those_of_the_original_class(model, original, tokens_BL):
    ours, our_gradients = run(model, tokens_BL)
    theirs, their_gradients = run(original, tokens_BL)
    assert (ours - theirs).abs().max() < 2e-5
    assert our_gradients.keys() == their_gradients.keys()
    for name, gradient in their_gradients.items():
        assert (our_gradients[name] - gradient).norm() < 1e-4 * gradient.norm(), name


@pytest.mark.parametrize("name", ["A_log", "D", "conv1d.bias", "dt_proj.bias"])
def test_parity_would_show_a_changed_parameter(model, original, tokens_BL, name):
    with torch.no_grad():
        original.backbone.layers[0].mixer.get_parameter(name).add_(0.1)
    assert (run(model, tokens_BL)[0] - run(original, tokens_BL)[0]).abs().max() > 2e-4


def test_state_size_counts_the_scan_and_the_convolution(model):
    dimensions = model.dimensions
    assert model.state_size(100) == 2 * dimensions["inner_width"] * (4 + 3) * 4
