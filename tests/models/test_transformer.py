"""The transformer: causal attention and no mask in memory; parity with Hugging Face's is in test_originals.py."""

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, transformer

from resnetbk.models.registry import build_model
from resnetbk.repro import portable


@pytest.fixture
def model():
    return build_model(transformer(), VOCABULARY, BUDGET, 0)


@pytest.fixture(params=["fast", "machine", "portable"])
def level(request, monkeypatch):
    torch.use_deterministic_algorithms(request.param != "fast")
    monkeypatch.setattr(portable, "installed", lambda: request.param == "portable")
    yield request.param
    torch.use_deterministic_algorithms(False)


def test_attention_is_causal_by_flag_and_of_the_levels_backend(model, tokens_BL, monkeypatch, level):
    attend, calls = torch.nn.functional.scaled_dot_product_attention, []

    def record(*arguments, **options):
        backends = torch.backends.cuda
        enabled = backends.flash_sdp_enabled(), backends.mem_efficient_sdp_enabled(), backends.math_sdp_enabled()
        calls.append((options["attn_mask"], options["is_causal"], *enabled))
        return attend(*arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", record)
    model(tokens_BL)
    model.step(tokens_BL, model.initial_state(2))
    assert calls == [(None, True, level != "portable", level == "fast", True)] * 4
    assert torch.backends.cuda.mem_efficient_sdp_enabled()  # as it was


@pytest.mark.parametrize("level", ["machine"], indirect=True)
def test_fused_attention_repeats_its_bits(model, tokens_BL, level):
    def gradients():
        model.zero_grad()
        model(tokens_BL).square().mean().backward()
        return [p.grad.clone() for p in model.parameters()]

    assert all(map(torch.equal, gradients(), gradients()))


def test_head_width_is_even():
    for heads in (2, 3, 6):
        dimensions = build_model(transformer(heads=heads), VOCABULARY, BUDGET, 0).dimensions
        assert dimensions["width"] % (2 * heads) == 0


def test_keys_that_shape_it_are_heeded(model, tokens_BL):
    wide = build_model(transformer(ffn_ratio=4.0), VOCABULARY, BUDGET, 0)
    assert wide.dimensions["ffn_width"] / wide.dimensions["width"] == pytest.approx(4.0, rel=0.2)
    turned = build_model(transformer(rope_theta=100.0), VOCABULARY, BUDGET, 0)
    assert not torch.equal(turned(tokens_BL), model(tokens_BL))


def test_state_size_is_the_keys_and_values(model):
    assert model.state_size(7) == 2 * 2 * 7 * model.dimensions["width"] * 4
