"""Experts: a live router, tokens that do not feel each other, a load-balance loss."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, mixture, resnet_bk
from torch import nn

from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk.mixture_of_experts import TILE, MixtureOfExperts, places

WIDTH, EXPERTS = 16, 4


def layer(top_k=1, load_balance=0.01):
    torch.manual_seed(0)
    return MixtureOfExperts(WIDTH, 24, experts=EXPERTS, top_k=top_k, load_balance=load_balance, scale=1.0)


@pytest.fixture
def x_TD():
    return torch.randn(300, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("top_k", [1, 2, EXPERTS])
def test_output_is_the_weighted_sum_of_the_chosen(top_k, x_TD):
    moe = layer(top_k)
    probability_TX = (x_TD @ moe.router.T).softmax(-1)
    weight_TX = torch.where(probability_TX >= probability_TX.topk(top_k).values[:, -1:], probability_TX, 0.0)
    expected_TD = sum(weight_TX[:, i, None] * expert(x_TD) for i, expert in enumerate(moe.experts))
    torch.testing.assert_close(moe(x_TD), expected_TD, rtol=1e-4, atol=1e-6)


def test_the_router_learns_from_the_output_at_k_1(x_TD):
    moe = layer()
    moe(x_TD).square().sum().backward()  # not from the load-balance loss
    assert moe.router.grad.abs().sum() > 1e-3


def test_normalising_over_the_chosen_would_kill_it(x_TD):
    moe = layer()
    weight_T1 = (x_TD @ moe.router.T).softmax(-1).topk(1).values
    (weight_T1 / weight_T1.sum(-1, keepdim=True)).square().sum().backward()
    assert moe.router.grad.abs().max() < 1e-6


@pytest.mark.parametrize("count", [1, 12, 75, 300])
def test_places_are_distinct_and_keep_the_phase(count):
    token = torch.randperm(300, generator=torch.Generator().manual_seed(2))[:count].sort().values
    rows = places(token)
    assert len(rows.unique()) == count
    assert ((rows - token) % TILE == 0).all()


def feels_other_tokens(module, x_TD):
    """Return whether the outputs of the last tokens move by a bit when others change or join."""
    kept = slice(-50, None)
    moved = []
    for seed in range(5):
        other_TD = x_TD.clone()
        other_TD[:-50] = torch.randn(len(x_TD) - 50, WIDTH, generator=torch.Generator().manual_seed(seed))
        moved.append(not torch.equal(module(other_TD)[kept], module(x_TD)[kept]))
    joined_TD = module(torch.cat([x_TD, x_TD[:7]]))[: len(x_TD)]
    return any(moved) or not torch.equal(joined_TD, module(x_TD))


@pytest.mark.parametrize("top_k", [1, 2])
def test_a_token_does_not_feel_the_others(top_k, x_TD):
    assert not feels_other_tokens(layer(top_k), x_TD)


def test_a_batch_norm_would_be_felt(x_TD):
    assert feels_other_tokens(nn.BatchNorm1d(WIDTH), x_TD)


PORTABLE = """
import sys
from resnetbk.repro.levels import enforce, pin_environment
pin_environment("portable")
import torch
enforce("portable")
sys.path.insert(0, sys.argv[1])
from resnetbk.models.resnet_bk import mixture_of_experts
from tests.models.test_mixture_of_experts import WIDTH, feels_other_tokens, layer
x_TD = torch.randn(300, WIDTH, generator=torch.Generator().manual_seed(1))
torch.set_grad_enabled(False)
print(feels_other_tokens(layer(), x_TD))
mixture_of_experts.places = lambda token: torch.arange(len(token))  # side by side, as one would
print(feels_other_tokens(layer(), x_TD))
"""


def test_nor_under_the_portable_arithmetic_whose_rows_have_phases():
    command = [sys.executable, "-c", PORTABLE, str(Path(__file__).parents[2])]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.split() == ["False", "True"]


def test_no_token_is_dropped_even_when_all_choose_one(x_TD):
    moe = layer()
    with torch.no_grad():
        moe.router.zero_()
        moe.router[2] = x_TD.mean(0) * 100
    same_TD = x_TD.mean(0).expand(300, -1)
    assert (moe(same_TD).abs().sum(-1) > 0).all()
    assert moe.usage.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert moe.balance_loss.item() == pytest.approx(0.01 * EXPERTS, rel=0.05)  # the worst


def test_balance_loss_is_least_when_even(x_TD):
    moe = layer(load_balance=0.5)
    with torch.no_grad():
        moe.router.zero_()
    moe(x_TD)
    assert moe.balance_loss.item() == pytest.approx(0.5)
    assert moe.usage.sum().item() == pytest.approx(1.0)


def test_the_model_adds_its_layers_up(tokens_BL):
    model = build_model(resnet_bk(ffn=mixture(load_balance=0.3)), VOCABULARY, BUDGET, 0)
    model(tokens_BL)
    losses = [layer.feed_forward.layer.balance_loss for layer in model.layers]
    assert model.auxiliary_loss().item() == pytest.approx(sum(losses).item())
    assert model.auxiliary_loss() > 0.3  # 0.3 a layer is the least
    assert build_model(resnet_bk(), VOCABULARY, BUDGET, 0).auxiliary_loss() == 0
