"""Mamba is Hugging Face's: its own initialisation, sizes and state; parity is in test_originals.py."""

import math

import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, mamba

from resnetbk.models.registry import build_model


@pytest.fixture
def model():
    return build_model(mamba(), VOCABULARY, BUDGET, 0)


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


def test_rank_is_never_below_the_published_one():
    for budget in (50_000, 60_000, 80_000, 150_000):
        dimensions = build_model(mamba(), VOCABULARY, budget, 0).dimensions
        assert dimensions["time_step_rank"] >= math.ceil(dimensions["width"] / 16)


def test_state_size_counts_the_scan_and_the_convolution(model):
    dimensions = model.dimensions
    assert model.state_size(100) == 2 * dimensions["inner_width"] * (4 + 3) * 4
