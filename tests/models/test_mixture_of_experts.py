"""Experts: a live router, tokens that do not feel each other, losses, capacity, routing by the resolvent."""

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, mixture, resnet_bk
from torch import nn

from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk.mixture_of_experts import TILE, MixtureOfExperts, places
from resnetbk.models.resnet_bk.scattering_router import features

WIDTH, EXPERTS, HEADS = 16, 4, 6
HIDDEN = 22  # a tile of rows does not fill whole vectors, so the last elements are computed by other code


def layer(**changes):
    fields = {
        "experts": EXPERTS,
        "top_k": 1,
        "router": "linear",
        "heads": HEADS,
        "load_balance": 0.01,
        "z_loss": 0.0,
        "capacity_factor": None,
        "scale": 1.0,
    }
    torch.manual_seed(0)
    return MixtureOfExperts(WIDTH, HIDDEN, **{**fields, **changes})


@pytest.fixture
def x_BND():
    return torch.randn(3, 100, WIDTH, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def scattering():
    """Resolvents as at the band's edge: |g| = e^(-kappa), phases of a few degrees."""
    generator = torch.Generator().manual_seed(2)
    magnitude_BNH = torch.exp(-torch.rand(3, 100, HEADS, generator=generator))
    phase_BNH = 0.2 * torch.rand(3, 100, HEADS, generator=generator)
    return magnitude_BNH * phase_BNH.cos(), magnitude_BNH * phase_BNH.sin()


@pytest.mark.parametrize("top_k", [1, 2, EXPERTS])
def test_output_is_the_weighted_sum_of_the_chosen(top_k, x_BND):
    moe = layer(top_k=top_k)
    probability_BNX = (x_BND @ moe.router.T).softmax(-1)
    weight_BNX = torch.where(probability_BNX >= probability_BNX.topk(top_k).values[..., -1:], probability_BNX, 0.0)
    expected_BND = sum(weight_BNX[..., i, None] * expert(x_BND) for i, expert in enumerate(moe.experts))
    torch.testing.assert_close(moe(x_BND), expected_BND, rtol=1e-4, atol=1e-6)


def test_the_router_learns_from_the_output_at_k_1(x_BND):
    moe = layer()
    moe(x_BND).square().sum().backward()  # not from the losses of the router
    assert moe.router.grad.abs().sum() > 1e-3


def test_normalising_over_the_chosen_would_kill_it(x_BND):
    moe = layer()
    weight_BN1 = (x_BND @ moe.router.T).softmax(-1).topk(1).values
    (weight_BN1 / weight_BN1.sum(-1, keepdim=True)).square().sum().backward()
    assert moe.router.grad.abs().max() < 1e-6


@pytest.mark.parametrize("count", [1, 12, 75, 300])
def test_places_are_distinct_and_keep_the_phase(count):
    token = torch.randperm(300, generator=torch.Generator().manual_seed(2))[:count].sort().values
    rows = places(token)
    assert len(rows.unique()) == count
    assert ((rows - token) % TILE == 0).all()


def feels_other_tokens(module, x_BND):
    """Return whether a sequence's head moves by a bit when its tail or other sequences change or join."""
    cut, y_BND = 60, module(x_BND)
    moved = []
    for seed in range(5):
        other_BND = torch.randn(x_BND.shape, generator=torch.Generator().manual_seed(seed))
        other_BND[1, :cut] = x_BND[1, :cut]
        moved.append(not torch.equal(module(other_BND)[1, :cut], y_BND[1, :cut]))
    joined = not torch.equal(module(torch.cat([x_BND, x_BND[:1]]))[: len(x_BND)], y_BND)
    longer = not torch.equal(module(torch.cat([x_BND, x_BND[:, :7]], 1))[0, : x_BND.shape[1]], y_BND[0])
    return any(moved) or joined or longer


@pytest.mark.parametrize("capacity_factor", [None, 0.6, 1.25])
@pytest.mark.parametrize("top_k", [1, 2])
def test_a_token_does_not_feel_the_others(top_k, capacity_factor, x_BND):
    moe = layer(top_k=top_k, capacity_factor=capacity_factor)
    assert not feels_other_tokens(moe, x_BND)
    assert (moe.routing.dropped > 0) == (capacity_factor is not None)


def feels_being_last(moe):
    """Return whether the last token of an expert's input moves by a bit when more tokens follow it there."""
    x_BND = torch.randn(50, 2 * TILE, WIDTH, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        moe.router.zero_()  # all tokens take the first expert
        return any(not torch.equal(moe(x_1ND[:, :TILE]), moe(x_1ND)[:, :TILE]) for x_1ND in x_BND.split(1))


def test_the_last_token_of_an_expert_is_rounded_like_the_others():
    moe = layer()
    assert not feels_being_last(moe)
    moe.spare_rows = 0
    assert feels_being_last(moe)


def test_a_mean_over_the_batch_would_be_felt(x_BND):
    assert feels_other_tokens(lambda x_BND: x_BND - x_BND.mean((0, 1)), x_BND)


@pytest.mark.parametrize("shared_by", ["batch", "sequence"])
def test_the_usual_capacity_would_be_felt(shared_by, x_BND, monkeypatch):
    """One number of places for the batch depends on the others, for the sequence on its length."""

    def admit(choice_BNk, state):
        asked_BNX = nn.functional.one_hot(choice_BNk, EXPERTS).sum(2)
        batch, length, _ = asked_BNX.shape
        if shared_by == "batch":
            order_BNX = asked_BNX.flatten(0, 1).cumsum(0).view_as(asked_BNX)
            limit = math.ceil(0.6 * batch * length / EXPERTS)
        else:
            order_BNX = asked_BNX.cumsum(1)
            limit = math.ceil(0.6 * length / EXPERTS)
        return order_BNX.gather(2, choice_BNk) <= limit, state

    moe = layer(capacity_factor=0.6)
    monkeypatch.setattr(moe.capacity, "admit", admit)
    assert feels_other_tokens(moe, x_BND)


PORTABLE = """
import sys
from resnetbk.repro.levels import enforce, pin_environment
pin_environment("portable")
import torch
enforce("portable")
sys.path.insert(0, sys.argv[1])
from resnetbk.models.resnet_bk import mixture_of_experts
from tests.models.test_mixture_of_experts import WIDTH, feels_other_tokens, layer
x_BND = torch.randn(3, 100, WIDTH, generator=torch.Generator().manual_seed(1))
torch.set_grad_enabled(False)
print(feels_other_tokens(layer(), x_BND))
print(feels_other_tokens(layer(capacity_factor=0.6), x_BND))
mixture_of_experts.places = lambda token: torch.arange(len(token))  # side by side, as one would
print(feels_other_tokens(layer(), x_BND))
"""


def test_nor_under_the_portable_arithmetic_whose_rows_have_phases():
    command = [sys.executable, "-c", PORTABLE, str(Path(__file__).parents[2])]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert output.split() == ["False", "False", "True"]


def test_no_token_is_dropped_even_when_all_choose_one(x_BND):
    moe = layer()
    prefer(moe, 2, x_BND.mean((0, 1)))
    same_BND = x_BND.mean((0, 1)).expand(2, 150, -1)
    assert (moe(same_BND).abs().sum(-1) > 0).all()
    assert moe.routing.usage_X.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert (moe.routing.dropped, moe.routing.entropy) == (0.0, 0.0)
    assert moe.balance_loss.item() == pytest.approx(0.01 * EXPERTS, rel=0.05)  # the worst
    assert moe.state_size() == 0


def prefer(moe, expert, x_D):
    """Make the linear router send what looks like `x_D` to one expert."""
    with torch.no_grad():
        moe.router.zero_()
        moe.router[expert] = x_D * 100


def test_a_full_expert_passes_what_exceeds_its_capacity(x_BND):
    moe = layer(capacity_factor=1.0)
    prefer(moe, 2, x_BND.mean((0, 1)))
    same_BND = x_BND.mean((0, 1)).expand(2, 150, -1)
    taken_BN = moe(same_BND).abs().sum(-1) > 0
    assert (taken_BN == (torch.arange(150) % EXPERTS == 0)).all()  # ceil((t + 1) / 4) grows at t = 0, 4, 8 ...
    assert moe.routing.dropped.item() == pytest.approx(1 - 38 / 150)
    assert moe.routing.usage_X.tolist() == [0.0, 0.0, 1.0, 0.0]  # what they asked for


@pytest.mark.parametrize("factor", [1e-9, 0.1, 0.6, 1.0, 1.1, 1.25, EXPERTS])
@pytest.mark.parametrize("top_k", [1, 2])
def test_capacity_is_what_a_queue_of_tokens_finds(factor, top_k):
    """Against the definition, token by token; 0.1 x 10 x 4 / 4 is 1 and no more, whatever floats make of it."""
    moe = layer(capacity_factor=factor, top_k=top_k)
    generator = torch.Generator().manual_seed(3)
    order_BNX = torch.rand(2, 80, EXPERTS, generator=generator).square() + torch.tensor([0.3, 0.0, 0.0, 0.0])
    choice_BNk = order_BNX.argsort(-1, descending=True)[..., :top_k]
    kept_BNk, (taken_BX, position_B) = moe.capacity.admit(choice_BNk, moe.initial_state(2))
    for b in range(2):
        taken = [0] * EXPERTS
        for t, choices in enumerate(choice_BNk[b].tolist()):
            limit = math.ceil(Fraction(str(factor)) * (t + 1) * top_k / EXPERTS)
            for slot, expert in enumerate(choices):
                assert kept_BNk[b, t, slot] == (taken[expert] < limit)
                taken[expert] += taken[expert] < limit
        assert taken_BX[b].tolist() == taken
    assert position_B.tolist() == [80, 80]
    assert kept_BNk.all() == (factor == EXPERTS)


@pytest.mark.parametrize("capacity_factor", [None, 0.6])
@pytest.mark.parametrize("router", ["linear", "scattering"])
@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_chunks_make_the_whole(chunk, router, capacity_factor, x_BND, scattering):
    moe = layer(router=router, capacity_factor=capacity_factor, top_k=2)
    state, parts = moe.initial_state(3), []
    for start in range(0, 100, chunk):
        part = slice(start, start + chunk)
        before = [tensor.clone() for tensor in state]
        y_BLD, after = moe.step(x_BND[:, part], state, tuple(g_BNH[:, part] for g_BNH in scattering))
        assert all(torch.equal(*pair) for pair in zip(before, state, strict=True))
        state = after
        parts.append(y_BLD)
    torch.testing.assert_close(torch.cat(parts, 1), moe(x_BND, scattering), rtol=1e-5, atol=1e-5)
    assert not parts[0].requires_grad
    assert 3 * moe.state_size() == sum(part.nbytes for part in state)


def test_forgetting_the_state_would_show(x_BND):
    moe = layer(capacity_factor=0.6)
    fresh_BLD, _ = moe.step(x_BND[:, 50:], moe.initial_state(3))
    assert (fresh_BLD - moe(x_BND)[:, 50:]).abs().max() > 0.1


def test_balance_loss_is_least_when_even(x_BND):
    moe = layer(load_balance=0.5)
    with torch.no_grad():
        moe.router.zero_()
    moe(x_BND)
    assert moe.balance_loss.item() == pytest.approx(0.5)
    assert moe.routing.usage_X.sum().item() == pytest.approx(1.0)


def test_the_losses_are_those_of_the_papers(x_BND):
    moe = layer(load_balance=0.3, z_loss=0.2, top_k=2)
    moe(x_BND)
    logits_TX = (x_BND @ moe.router.T).flatten(0, 1).double()
    share_X = nn.functional.one_hot(logits_TX.topk(2).indices, EXPERTS).double().mean((0, 1))
    load_balance = EXPERTS * (share_X * logits_TX.softmax(-1).mean(0)).sum()
    z = logits_TX.logsumexp(-1).square().mean()
    assert moe.routing.load_balance.item() == pytest.approx(load_balance.item(), rel=1e-5)
    assert moe.routing.z.item() == pytest.approx(z.item(), rel=1e-5)
    assert moe.balance_loss.item() == pytest.approx((0.3 * load_balance + 0.2 * z).item(), rel=1e-5)
    assert moe.routing.entropy.item() == pytest.approx(-(share_X * share_X.log()).sum().item(), rel=1e-5)


def test_z_loss_pulls_large_logits_down(x_BND):
    moe = layer(load_balance=0.0, z_loss=1.0)
    with torch.no_grad():
        moe.router.mul_(200)  # exp of these logits overflows
    moe(x_BND)
    before = moe.routing.z
    moe.balance_loss.backward()
    with torch.no_grad():
        moe.router -= 1e-2 * moe.router.grad
    moe(x_BND)
    assert before.isfinite() and moe.routing.z < before


def rerouted(moe, x_BND, before, after):
    """Return the share of tokens whose expert changes with the resolvents."""
    return (moe.logits(x_BND, before).argmax(-1) != moe.logits(x_BND, after).argmax(-1)).float().mean().item()


@pytest.mark.parametrize(("router", "reroutes"), [("scattering", True), ("linear", False)])
def test_resolvents_of_other_tokens_change_the_routing(router, reroutes, x_BND, scattering):
    moe = layer(router=router)
    shuffled = tuple(
        g_BNH[:, torch.randperm(100, generator=torch.Generator().manual_seed(3))] for g_BNH in scattering
    )
    free = (torch.ones(3, 100, HEADS), torch.zeros(3, 100, HEADS))  # features of zero
    for other in (shuffled, free):
        share = rerouted(moe, x_BND, scattering, other)
        assert share > 0.05 if reroutes else share == 0.0


def test_magnitude_and_phase_route_each_by_itself(x_BND, scattering):
    moe = layer(router="scattering")
    length_BNH = torch.hypot(*scattering)
    unit = tuple(g_BNH / length_BNH for g_BNH in scattering)
    assert rerouted(moe, x_BND, scattering, unit) > 0.05
    assert rerouted(moe, x_BND, unit, (torch.ones(3, 100, HEADS), torch.zeros(3, 100, HEADS))) > 0.05


def test_gradient_reaches_the_router_and_the_resolvent_at_k_1(x_BND, scattering):
    moe = layer(router="scattering")
    g_re_BNH, g_im_BNH = (g_BNH.requires_grad_() for g_BNH in scattering)
    moe(x_BND, (g_re_BNH, g_im_BNH)).square().sum().backward()
    for gradient in (moe.scattering_router.v.grad, g_re_BNH.grad, g_im_BNH.grad):
        assert gradient.abs().max() > 1e-3 and gradient.isfinite().all()


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e4, 1e30])
def test_features_of_any_resolvent(size):
    phase = torch.linspace(0.0, math.pi, 9, dtype=torch.float64)
    logarithm, re, im = features((size * phase.cos()).float(), (size * phase.sin()).float())
    torch.testing.assert_close(logarithm.double(), torch.full((9,), math.log(size), dtype=torch.float64))
    torch.testing.assert_close(re.double(), phase.cos() - 1, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(im.double(), phase.sin(), rtol=1e-6, atol=1e-6)


def test_gradient_of_the_features():
    g = torch.tensor([[0.3, -2.0, 1e-4], [0.4, 0.1, 5e-3]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g: features(g[0], g[1]), g, eps=1e-8, atol=1e-4)


def test_the_model_adds_its_layers_up(tokens_BL):
    model = build_model(resnet_bk(ffn=mixture(load_balance=0.3)), VOCABULARY, BUDGET, 0)
    model(tokens_BL)
    losses = [layer.feed_forward.layer.balance_loss for layer in model.layers]
    assert model.auxiliary_loss().item() == pytest.approx(sum(losses).item())
    assert model.auxiliary_loss() > 0.3  # 0.3 a layer is the least
    assert build_model(resnet_bk(), VOCABULARY, BUDGET, 0).auxiliary_loss() == 0


@pytest.mark.parametrize("mixer", ["propagator", "diagonal", "phase"])
@pytest.mark.parametrize(("router", "hears"), [("scattering", True), ("linear", False)])
def test_the_mixer_hears_from_the_router_through_the_resolvent(mixer, router, hears, tokens_BL):
    config = resnet_bk(mixer=mixer, ffn=mixture(router=router))
    model = build_model(config, VOCABULARY, BUDGET, 0)
    last = model.layers[-1]
    last.feed_forward.layer.register_forward_pre_hook(lambda _, given: (given[0].detach(), given[1]))
    model(tokens_BL)
    last.feed_forward.layer.balance_loss.backward()
    gradients = [parameter.grad for parameter in last.block.mixer.parameters() if parameter.grad is not None]
    assert any(gradient.abs().max() > 0 for gradient in gradients) == hears
