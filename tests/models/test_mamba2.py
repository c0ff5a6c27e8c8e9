"""Mamba-2 is Hugging Face's: its own initialisation, sizes and state; parity is in test_originals.py."""

import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, CONFIGS, VOCABULARY, mamba2

from resnetbk.models.registry import build_model

NAMES = ["mamba2", "mamba2_groups"]


@pytest.fixture(params=NAMES)
def model(request):
    return build_model(CONFIGS[request.param], VOCABULARY, BUDGET, 0)


def test_initialisation_is_untouched(model):
    config = model.config
    assert (config.chunk_size, config.time_step_min, config.time_step_max) == (256, 0.001, 0.1)
    for block in model.backbone.layers:
        mixer = block.mixer
        dt = F.softplus(mixer.dt_bias.detach())
        assert 1e-3 * 0.999 <= dt.min() and dt.max() <= 0.1 * 1.001
        assert dt.log().std() > 0.5  # spread over the range, not one value
        torch.testing.assert_close(mixer.A_log.detach(), torch.arange(1.0, config.num_heads + 1).log())
        assert (mixer.D == 1).all()
        assert (mixer.norm.weight == 1).all()
        assert (mixer.conv1d.bias == 0).all()
    assert model.backbone.embeddings.weight.std().item() == pytest.approx(0.1, rel=0.05)
    assert model.lm_head.weight is model.backbone.embeddings.weight


def test_the_state_is_never_below_the_configured_one_and_heads_stay_near_theirs():
    for budget in (50_000, 60_000, 80_000, 150_000):
        model = build_model(mamba2(), VOCABULARY, budget, 0)
        assert model.dimensions["state_size"] >= 8
        assert 6 <= model.config.head_dim <= 11


def test_keys_that_shape_it_are_heeded():
    model = build_model(mamba2(head_width=16, groups=2, expand=3, state_size=12), VOCABULARY, BUDGET, 0)
    config = model.config
    assert config.head_dim == pytest.approx(16, rel=0.3)
    assert (config.n_groups, config.expand) == (2, 3)
    assert config.num_heads % 2 == 0
    assert model.dimensions["state_size"] >= 12


def test_state_size_counts_the_scan_and_the_convolution(model):
    inner, states = model.dimensions["inner_width"], model.dimensions["state_size"]
    convolved = inner + 2 * model.config.n_groups * states
    assert model.state_size(100) == 2 * (inner * states + 3 * convolved) * 4
