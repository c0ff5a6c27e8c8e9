"""A baseline with other initial weights than its own is seen."""

from __future__ import annotations

import pytest
import torch
from tests.models.model_configs import BUDGET, CONFIGS, VOCABULARY

from resnetbk.models.registry import build_model
from resnetbk.training.initialisation import initialisation


@pytest.mark.parametrize(
    ("name", "expected"),
    [(name, "original") for name in ("mamba", "mamba2", "transformer", "gpt2")]
    + [("mamba_normed", "own"), ("propagator", "own"), ("exponential", "own")],
)
def test_whose_initialisation_a_model_has(name, expected):
    state = torch.get_rng_state()
    assert initialisation(build_model(CONFIGS[name], VOCABULARY, BUDGET, 3), 3) == expected
    assert torch.equal(torch.get_rng_state(), state)


def test_a_wiped_bias_of_the_step_size_is_seen():
    model = build_model(CONFIGS["mamba"], VOCABULARY, BUDGET, 3)
    torch.nn.init.zeros_(model.backbone.layers[1].mixer.dt_proj.bias)
    assert initialisation(model, 3) == "changed"


def test_the_weights_of_another_seed_are_seen():
    assert initialisation(build_model(CONFIGS["mamba"], VOCABULARY, BUDGET, 3), 4) == "changed"
