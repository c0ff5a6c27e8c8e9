"""The hybrid gradient is what it is said to be, and is off at 0."""

import pytest
import torch
from tests.models.model_configs import BUDGET, VOCABULARY, resnet_bk

from resnetbk.kernels.propagator import propagator
from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk import hybrid_gradient
from resnetbk.models.resnet_bk.hybrid_gradient import hybrid_cosine, hybrid_moebius_scan, hybrid_propagator


def problem(length=40, heads=3):
    generator = torch.Generator().manual_seed(0)
    a_BNH = 2 + torch.rand(2, length, heads, generator=generator)
    h_BNH = torch.randn(2, 2, length, heads, generator=generator)
    return (a_BNH, torch.ones(heads), torch.zeros(heads), torch.full((heads,), 0.1)), h_BNH


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_formula(blend):
    (a_BNH, *rest), h_BNH = problem()
    a_BNH.requires_grad_()
    g_re, g_im = hybrid_moebius_scan(a_BNH, *rest, blend)
    (gradient,) = torch.autograd.grad((g_re, g_im), a_BNH, tuple(h_BNH))
    g, h = torch.complex(g_re, g_im).detach(), torch.complex(*h_BNH)
    expected = (1 - blend) * -(h.conj() * g * g).real + blend * -(h / (g * g)).real
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


def test_cosine_shows_that_it_is_no_gradient():
    (a_BNH, *rest), (h_re, h_im) = problem()
    in_band_BNH = 4 * (a_BNH - 2.5)  # |a| < 2 w
    assert abs(hybrid_cosine(in_band_BNH, *rest, h_re, h_im, 1.0)) < 0.3
    assert hybrid_cosine(in_band_BNH, *rest, h_re, h_im, 0.5) < 0.9


def test_cosine_is_one_where_the_diagonal_is_all_there_is():
    arguments, (h_re, h_im) = problem(length=1)
    assert hybrid_cosine(*arguments, h_re, h_im, 0.0) == pytest.approx(1.0, abs=1e-5)
    assert hybrid_cosine(*arguments, h_re, h_im, 1.0) < 0.999


def test_one_position_has_the_exact_derivative_in_every_argument():
    (a_BNH, w2_H, energy_H, eta_H), h_BNH = problem(length=2)
    h_BNH[:, :, 0] = 0  # only the second position is read, and of the first only g enters
    gradients = []
    for scan in (hybrid_gradient.moebius_scan, lambda *x: hybrid_moebius_scan(*x, 0.0)):
        w2, energy, eta = (x.clone().requires_grad_() for x in (w2_H, energy_H, eta_H))
        first, second = a_BNH.split(1, 1)
        a = torch.cat([first + 1e9, second], 1)  # g at the first position is nil: nothing to pass on
        gradients.append(torch.autograd.grad(scan(a, w2, energy, eta), (w2, energy, eta), tuple(h_BNH)))
    for exact, hybrid in zip(*gradients, strict=True):
        torch.testing.assert_close(hybrid, exact, rtol=1e-4, atol=1e-6)


def test_values_are_the_propagators():
    (a_BNH, w_H, energy_H, eta_H), _ = problem()
    u_BNHP = torch.randn(*a_BNH.shape, 5, generator=torch.Generator().manual_seed(1))
    exact = propagator(u_BNHP, a_BNH, w_H, energy_H, eta_H)
    hybrid = hybrid_propagator(u_BNHP, a_BNH, w_H, energy_H, eta_H, 0.5)
    for one, other in zip(exact, hybrid, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mixer", ["propagator", "diagonal"])
def test_zero_is_the_exact_kernel_and_more_is_not(mixer, tokens_BL, monkeypatch):
    def refuse(*_):
        raise AssertionError("the hybrid was called")

    for name in ("hybrid_propagator", "hybrid_moebius_scan"):
        monkeypatch.setattr(hybrid_gradient, name, refuse)
    build_model(resnet_bk(mixer=mixer), VOCABULARY, BUDGET, 0)(tokens_BL)
    with pytest.raises(AssertionError, match="the hybrid was called"):
        build_model(resnet_bk(mixer=mixer, hybrid_gradient=0.1), VOCABULARY, BUDGET, 0)(tokens_BL)
