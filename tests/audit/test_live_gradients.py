import pytest
import torch
from torch import nn

from resnetbk.audit.live_gradients import check_live_gradients
from resnetbk.training.loss import next_token_loss


@pytest.fixture
def check(tokens_BL):
    batches = [(tokens_BL[:, :-1], tokens_BL[:, 1:]), (tokens_BL[:, 1:-1], tokens_BL[:, 2:])]

    def run(model, loss=next_token_loss):
        return check_live_gradients(model, batches, loss)

    return run


def test_every_parameter_alive_passes_on_one_batch(check, running_mean):
    model = running_mean()
    outcome = check(model)
    assert outcome.passed and outcome.measured["parameters"] == 5 and outcome.measured["batches"] == 1
    assert all(parameter.grad is None for parameter in model.parameters())


def test_unused_frozen_and_cancelled_parameters_are_named(check, running_mean):
    class Dead(running_mean):
        def __init__(self):
            super().__init__()
            self.unused = nn.Parameter(torch.ones(3))
            self.cancelled = nn.Parameter(torch.ones(8))
            self.mix.bias.requires_grad_(False)

        def pool(self, x_BLD):
            return super().pool(x_BLD) + 0 * self.cancelled

    outcome = check(Dead())
    assert not outcome.passed
    assert outcome.measured["dead"] == ["unused", "cancelled", "mix.bias"]
    assert "3 of 7" in outcome.detail


def test_router_without_gradient_is_named(check, running_mean):
    class Routed(running_mean):
        """Top-1 routing by argmax alone, as the public code had it."""

        def __init__(self):
            super().__init__()
            self.router = nn.Linear(8, 2)

        def pool(self, x_BLD):
            return x_BLD * (1 + self.router(x_BLD).argmax(-1, keepdim=True))

    assert check(Routed()).measured["dead"] == ["router.weight", "router.bias"]


def test_parameter_used_by_a_later_batch_alone_passes(check, running_mean):
    class Second(running_mean):
        def __init__(self):
            super().__init__()
            self.late = nn.Parameter(torch.ones(8))
            self.calls = 0

        def pool(self, x_BLD):
            self.calls += 1
            return super().pool(x_BLD) + (self.late if self.calls == 2 else 0)

    outcome = check(Second())
    assert outcome.passed and outcome.measured["batches"] == 2


def test_non_finite_gradient_is_named(check, running_mean):
    def infinite(logits_BLV, labels_BL):
        return next_token_loss(logits_BLV, labels_BL) * float("inf")

    outcome = check(running_mean(), infinite)
    assert not outcome.passed and "embedding.weight is not finite" in outcome.detail
