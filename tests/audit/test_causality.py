import pytest
import torch
from torch import nn

from resnetbk.audit.causality import check_causality


def check(model, tokens_BL, vocabulary_size):
    return check_causality(model, tokens_BL, vocabulary_size=vocabulary_size, seed=0)


def test_causal_model_passes_and_is_left_as_it_was(running_mean, tokens_BL, vocabulary_size):
    model = running_mean()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    outcome = check(model, tokens_BL, vocabulary_size)
    assert outcome.passed and outcome.measured["largest_change"] == 0.0
    assert model.training
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_mean_of_the_whole_sequence_fails(running_mean, tokens_BL, vocabulary_size):
    class Leaking(running_mean):
        def pool(self, x_BLD):
            return x_BLD.mean(1, keepdim=True) + x_BLD

    outcome = check(Leaking(), tokens_BL, vocabulary_size)
    assert not outcome.passed
    assert outcome.measured["earliest_position"] == 0
    assert outcome.measured["tokens_ahead"] == tokens_BL.shape[1] - 1
    assert outcome.measured["largest_change"] > 1e-3


@pytest.mark.parametrize("ahead", [1, 3, 7])
def test_look_ahead_is_measured(running_mean, tokens_BL, vocabulary_size, ahead):
    class Leaking(running_mean):
        def pool(self, x_BLD):
            return x_BLD + 1e-3 * torch.roll(x_BLD, -ahead, dims=1)

    # roll wraps round: the last positions see the first ones, which is no leak
    outcome = check(Leaking(), tokens_BL, vocabulary_size)
    assert not outcome.passed
    assert outcome.measured["earliest_position"] == 0
    assert outcome.measured["tokens_ahead"] == ahead
    assert f"position 0 see at least {ahead} token(s) ahead" in outcome.detail


def test_leak_from_one_position_on_is_located(running_mean, tokens_BL, vocabulary_size):
    class Leaking(running_mean):
        def pool(self, x_BLD):
            return torch.cat([x_BLD[:, :20], x_BLD[:, 20:].mean(1, keepdim=True) + x_BLD[:, 20:]], dim=1)

    outcome = check(Leaking(), tokens_BL, vocabulary_size)
    assert outcome.measured["earliest_position"] == 20
    assert outcome.measured["tokens_ahead"] == 19


def test_two_sided_resolvent_fails(running_mean, tokens_BL, vocabulary_size):
    class Leaking(running_mean):
        """The whole diagonal of the resolvent, as the public code had it: G_tt depends on every potential."""

        def pool(self, x_BLD):
            length = x_BLD.shape[1]
            hopping = torch.diag(torch.ones(length - 1), 1)
            hopping = hopping + hopping.T
            potential_BL = 2.5 + x_BLD[..., 0]
            resolvent_BLL = torch.linalg.inv(torch.diag_embed(potential_BL) + hopping)
            return x_BLD * torch.diagonal(resolvent_BLL, dim1=1, dim2=2).unsqueeze(-1)

    assert not check(Leaking(), tokens_BL, vocabulary_size).passed


def test_leak_behind_a_gate_that_is_zero_at_first_fails(running_mean, tokens_BL, vocabulary_size):
    class Leaking(running_mean):
        def __init__(self):
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(()))

        def pool(self, x_BLD):
            return super().pool(x_BLD) + self.gate * x_BLD.mean(1, keepdim=True)

    outcome = check(Leaking(), tokens_BL, vocabulary_size)
    assert not outcome.passed and "stirred weights" in outcome.detail


def test_leak_through_batch_statistics_in_training_mode_fails(running_mean, tokens_BL, vocabulary_size):
    class Leaking(running_mean):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(8, track_running_stats=False)

        def pool(self, x_BLD):
            pooled_BLD = super().pool(x_BLD)
            return self.norm(pooled_BLD.transpose(1, 2)).transpose(1, 2) if self.training else pooled_BLD

    outcome = check(Leaking(), tokens_BL, vocabulary_size)
    assert not outcome.passed and "training mode" in outcome.detail


def test_model_that_keeps_state_between_calls_fails(running_mean, tokens_BL, vocabulary_size):
    class Forgetful(running_mean):
        calls = 0

        def pool(self, x_BLD):
            self.calls += 1
            return super().pool(x_BLD) + self.calls

    outcome = check(Forgetful(), tokens_BL, vocabulary_size)
    assert not outcome.passed and "two runs" in outcome.detail


def test_dropout_is_no_leak(running_mean, tokens_BL, vocabulary_size):
    class Dropping(running_mean):
        def pool(self, x_BLD):
            return nn.functional.dropout(super().pool(x_BLD), 0.5, self.training)

    assert check(Dropping(), tokens_BL, vocabulary_size).passed
