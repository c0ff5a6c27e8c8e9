"""What is Hugging Face's stays so: initial weights bit for bit, logits and gradients on the same weights."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, CONFIGS, VOCABULARY
from transformers import GPT2LMHeadModel, LlamaForCausalLM, Mamba2ForCausalLM, MambaForCausalLM, PreTrainedModel

from resnetbk.models.registry import build_model


class Original(NamedTuple):
    """The class, how far logits (absolute) and gradients (relative) may differ, and weights that must matter."""

    kind: type[PreTrainedModel]
    logits: float
    gradients: float
    matter: tuple[str, ...]


SCAN = 2e-5, 1e-4  # our scan sums in another order
SAME_CODE = 2e-6, 1e-5
MAMBA2 = Original(
    Mamba2ForCausalLM,
    *SCAN,
    tuple(f"backbone.layers.0.mixer.{name}" for name in ("A_log", "D", "conv1d.bias", "dt_bias", "norm.weight")),
)
ORIGINALS = {
    "mamba": Original(
        MambaForCausalLM,
        *SCAN,
        tuple(f"backbone.layers.0.mixer.{name}" for name in ("A_log", "D", "conv1d.bias", "dt_proj.bias")),
    ),
    "mamba2": MAMBA2,
    "mamba2_groups": MAMBA2,
    "transformer": Original(LlamaForCausalLM, *SAME_CODE, ("model.layers.1.mlp.up_proj.weight",)),
    "gpt2": Original(GPT2LMHeadModel, *SAME_CODE, ("transformer.h.1.mlp.c_fc.weight",)),
}


@pytest.fixture(params=ORIGINALS)
def name(request):
    return request.param


@pytest.fixture
def model(name):
    return build_model(CONFIGS[name], VOCABULARY, BUDGET, 0)


@pytest.fixture
def original(name, model):
    original = ORIGINALS[name].kind(model.config)
    original.load_state_dict(model.state_dict())
    return original


def run(model, tokens_BL):
    model.zero_grad()
    output = model(tokens_BL)
    logits_BLV = output if torch.is_tensor(output) else output.logits
    F.cross_entropy(logits_BLV[:, :-1].flatten(0, 1), tokens_BL[:, 1:].flatten()).backward()
    return logits_BLV.detach(), {name: p.grad for name, p in model.named_parameters()}


def test_initial_weights_are_the_originals_bit_for_bit(name, model):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        original = ORIGINALS[name].kind(model.config).state_dict()
    assert original.keys() == model.state_dict().keys()
    assert all(torch.equal(value, original[key]) for key, value in model.state_dict().items())
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_logits_and_gradients_are_the_originals(name, model, original, tokens_BL):
    ours, our_gradients = run(model, tokens_BL)
    theirs, their_gradients = run(original, tokens_BL)
    assert (ours - theirs).abs().max() < ORIGINALS[name].logits
    assert our_gradients.keys() == their_gradients.keys()
    for key, gradient in their_gradients.items():
        assert (our_gradients[key] - gradient).norm() < ORIGINALS[name].gradients * gradient.norm(), key


def test_parity_would_show_a_changed_parameter(name, model, original, tokens_BL):
    ours = run(model, tokens_BL)[0]
    for key in ORIGINALS[name].matter:
        with torch.no_grad():
            weight = original.get_parameter(key)
            before = weight.clone()
            weight.add_(torch.linspace(0.05, 0.15, weight.numel()).view_as(weight))
            assert (ours - original(tokens_BL).logits).abs().max() > 10 * ORIGINALS[name].logits, key
            weight.copy_(before)
