import pytest
import torch
from torch import nn

from resnetbk.audit.causality_gradient import check_causality_gradient


def test_causal_model_passes(running_mean, tokens_BL):
    outcome = check_causality_gradient(running_mean(), tokens_BL, seed=0)
    assert outcome.passed
    assert outcome.measured["largest_future_derivative"] == 0.0 < outcome.measured["largest_past_derivative"]


@pytest.mark.parametrize("ahead", [1, 5])
def test_look_ahead_fails(running_mean, tokens_BL, ahead):
    class Leaking(running_mean):
        def pool(self, x_BLD):
            return x_BLD + 1e-4 * torch.roll(x_BLD, -ahead, dims=1)

    outcome = check_causality_gradient(Leaking(), tokens_BL, seed=0)
    assert not outcome.passed
    assert outcome.measured["furthest_token"] == outcome.measured["cut"] + ahead - 1
    assert outcome.measured["largest_future_derivative"] > 0


def test_leak_that_cancels_in_the_sum_of_logits_fails(tokens_BL, vocabulary_size):
    class Leaking(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(vocabulary_size, vocabulary_size)

        def forward(self, tokens_BL):
            x_BLD = self.embedding(tokens_BL)
            future_BLD = x_BLD.mean(1, keepdim=True)
            return x_BLD + future_BLD - future_BLD.mean(-1, keepdim=True)

    assert not check_causality_gradient(Leaking(), tokens_BL, seed=0).passed


def test_gradient_is_followed_through_a_position_lookup(running_mean, tokens_BL):
    class Positioned(running_mean):
        def __init__(self):
            super().__init__()
            self.position = nn.Embedding(tokens_BL.shape[1], 8)

        def pool(self, x_BLD):
            return super().pool(x_BLD) + self.position(torch.arange(x_BLD.shape[1]))

    assert check_causality_gradient(Positioned(), tokens_BL, seed=0).passed


def test_model_whose_lookup_is_not_seen_is_not_passed(running_mean, tokens_BL):
    class Hidden(running_mean):
        def forward(self, tokens_BL):
            return self.head(self.embedding.weight[tokens_BL].mean(1, keepdim=True).expand(-1, 40, -1))

    outcome = check_causality_gradient(Hidden(), tokens_BL, seed=0)
    assert not outcome.passed and "nn.Embedding" in outcome.detail


def test_model_that_ignores_its_tokens_is_not_passed(running_mean, tokens_BL):
    class Ignoring(running_mean):
        def pool(self, x_BLD):
            return 0 * x_BLD

    outcome = check_causality_gradient(Ignoring(), tokens_BL, seed=0)
    assert not outcome.passed and "ignores" in outcome.detail
