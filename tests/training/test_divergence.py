"""A loss that is no number stops the training with the step and the module."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from resnetbk.training.divergence import DivergenceError, check_finite


class Broken(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 0.0


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Embedding(4, 2), nn.Linear(2, 2), Broken(), nn.Linear(2, 4))


def test_the_first_module_that_fails_is_named(model: nn.Module):
    with pytest.raises(DivergenceError, match=r"is nan at step 7: .* module '2'.*train.learning_rate"):
        check_finite(math.nan, "the training loss", 7, model, torch.tensor([[0, 1]]))


def test_a_gradient_that_fails_alone_is_named():
    model = nn.Sequential(nn.Embedding(4, 2))
    model[0].weight.grad = torch.full((4, 2), math.inf)
    with pytest.raises(DivergenceError, match=r"the gradient of '0.weight' is not"):
        check_finite(math.inf, "the gradient norm", 1, model, torch.tensor([[0, 1]]))


def test_a_finite_loss_passes(model: nn.Module):
    check_finite(1.5, "the training loss", 7, model, torch.tensor([[0, 1]]))
