"""The Moebius recursion against linear algebra that knows nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_banded

from resnetbk.kernels.moebius import moebius_scan
from resnetbk.kernels.propagator import propagator


def problem(length, scale, seed=0):
    generator = np.random.default_rng(seed)
    a = generator.uniform(-scale, scale, length)
    return a, 0.9, 0.1, 0.05  # potential, hopping, energy, eta


def hamiltonian(a, w):
    return np.diag(a) + w * (np.eye(len(a), k=1) + np.eye(len(a), k=-1))


def scan(a, w, energy, eta, dtype=torch.float64):
    one = [torch.tensor([x], dtype=dtype) for x in (w * w, energy, eta)]
    g_re, g_im = moebius_scan(torch.tensor(a, dtype=dtype)[None, :, None], *one)
    return (g_re[0, :, 0].double() + 1j * g_im[0, :, 0].double()).numpy()


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("length", [1, 2, 33])
def test_equals_the_corner_of_every_leading_blocks_inverse(length, scale):
    a, w, energy, eta = problem(length, scale)
    shifted = hamiltonian(a, w) - (energy + 1j * eta) * np.eye(length)
    expected = [np.linalg.inv(shifted[:t, :t])[-1, -1] for t in range(1, length + 1)]
    np.testing.assert_allclose(scan(a, w, energy, eta), expected, rtol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-3)])
@pytest.mark.parametrize("scale", [0.5, 100])
def test_equals_a_banded_solver_where_the_raw_recursion_overflows(scale, dtype, tolerance):
    length = 2000
    a, w, energy, eta = problem(length, scale)
    bands = np.full((3, length), w, complex)
    bands[1] = a - (energy + 1j * eta)
    last = solve_banded((1, 1), bands, np.eye(length)[:, -1])[-1]
    g = scan(a, w, energy, eta, dtype)
    assert np.isfinite(g).all()
    np.testing.assert_allclose(g[-1], last, rtol=tolerance)


def test_the_full_diagonal_is_another_thing():
    """The negative control: the two-sided Green's function sees the future and differs."""
    a, w, energy, eta = problem(20, 1)
    both_sides = np.diag(np.linalg.inv(hamiltonian(a, w) - (energy + 1j * eta) * np.eye(20)))
    assert np.abs(scan(a, w, energy, eta) - both_sides)[:-1].max() > 0.1


def test_bounds():
    generator = torch.Generator().manual_seed(0)
    eta = torch.tensor([1e-3, 0.1, 1.0, 1.0])
    a = 4 * torch.randn(2, 500, 4, generator=generator)
    g_re, g_im = moebius_scan(a, torch.ones(4), torch.zeros(4), eta)
    assert (g_im > 0).all()
    assert (torch.hypot(g_re, g_im) * eta <= 1 + 1e-5).all()


def test_propagator_is_forward_elimination():
    """s_t is the last entry of (H_{0..t} - z)^-1 with the hopping's sign turned, applied to u_0..t."""
    length = 12
    a, w, energy, eta = problem(length, 2)
    u = np.random.default_rng(1).standard_normal(length)
    shifted = hamiltonian(a, -w) - (energy + 1j * eta) * np.eye(length)
    expected = [np.linalg.solve(shifted[:t, :t], u[:t].astype(complex))[-1] for t in range(1, length + 1)]
    one = [torch.tensor([x], dtype=torch.float64) for x in (w, energy, eta)]
    s_re, s_im = propagator(torch.tensor(u)[None, :, None, None], torch.tensor(a)[None, :, None], *one)
    np.testing.assert_allclose((s_re + 1j * s_im).flatten().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [1, 100])
def test_propagator_equals_a_banded_solver_at_length_4096(scale):
    length = 4096
    a, w, energy, eta = problem(length, scale)
    u = np.random.default_rng(1).standard_normal(length)
    bands = np.full((3, length), -w, complex)
    bands[1] = a - (energy + 1j * eta)
    one = [torch.tensor([x], dtype=torch.float64) for x in (w, energy, eta)]
    s_re, s_im = propagator(torch.tensor(u)[None, :, None, None], torch.tensor(a)[None, :, None], *one)
    expected = solve_banded((1, 1), bands, u.astype(complex))[-1]
    np.testing.assert_allclose((s_re + 1j * s_im).flatten().numpy()[-1], expected, rtol=1e-9)


def test_without_eta_the_resolvent_is_real_and_a_resonance_is_not_hidden():
    a = np.array([3.0, 2.5, 4.0])
    expected = [np.linalg.inv(hamiltonian(a, 0.9)[:t, :t])[-1, -1] for t in range(1, 4)]
    np.testing.assert_allclose(scan(a, 0.9, 0.0, 0.0), expected, rtol=1e-12)
    assert not np.isfinite(scan(np.zeros(1), 0.9, 0.0, 0.0)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_huge_potential_lets_nothing_through(dtype):
    a = torch.tensor([1.0, 1e30, 1.0], dtype=dtype)[None, :, None].requires_grad_()
    one = [torch.tensor([x], dtype=dtype) for x in (0.8, 0.1, 0.05)]
    g_re, g_im = moebius_scan(a, *one)
    assert g_re[0, 1].abs() <= 1.01e-30 and g_im[0, 1].abs() <= 1e-30
    np.testing.assert_allclose(g_re[0, 2].item(), g_re[0, 0].item(), rtol=1e-6)
    (gradient,) = torch.autograd.grad(g_re.sum() + g_im.sum(), a)
    assert gradient.isfinite().all()
