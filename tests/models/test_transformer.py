"""The transformer: causal attention and no mask in memory; parity with Hugging Face's is in test_originals.py."""

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, transformer

from resnetbk.models.registry import build_model


@pytest.fixture
def model():
    return build_model(transformer(), VOCABULARY, BUDGET, 0)


@pytest.fixture(params=[False, True], ids=["free", "deterministic"])
def deterministic(request):
    torch.use_deterministic_algorithms(request.param)
    yield request.param
    torch.use_deterministic_algorithms(False)


def test_attention_is_causal_by_flag_and_portable_when_asked(model, tokens_BL, monkeypatch, deterministic):
    attend, calls = torch.nn.functional.scaled_dot_product_attention, []

    def record(*arguments, **options):
        flash, math = torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.math_sdp_enabled()
        calls.append((options["attn_mask"], options["is_causal"], flash, math))
        return attend(*arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", record)
    model(tokens_BL)
    model.step(tokens_BL, model.initial_state(2))
    assert calls == [(None, True, not deterministic, True)] * 4
    assert torch.backends.cuda.flash_sdp_enabled()  # as it was


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
