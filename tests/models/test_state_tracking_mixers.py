"""`scattering` and its control `signed` compute their formulas and are able to count."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, mixture, resnet_bk

from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk import load_mixer
from resnetbk.models.resnet_bk.memory import Memory

WIDTH, HEADS = 12, 4


@pytest.fixture
def u_BNE():
    return torch.randn(2, 9, WIDTH, generator=torch.Generator().manual_seed(0))


def build(name, **changes):
    torch.manual_seed(0)
    return load_mixer(name)(WIDTH, resnet_bk(mixer=name, heads=HEADS, **{"eta": 1.0, **changes}))


def recurrence(start_E, alpha_BNE, written_BNE):
    """Run s_t = alpha_t s_{t-1} + written_t from s_{-1}, token by token."""
    s_BE, states = start_E.expand(len(written_BNE), -1), []
    for alpha_BE, written_BE in zip(alpha_BNE.unbind(1), written_BNE.unbind(1), strict=True):
        s_BE = alpha_BE * s_BE + written_BE
        states.append(s_BE)
    return torch.stack(states, 1)


def scattering_matrices(mixer, u_BNE):
    """Return S of Mahaux and Weidenmueller, by dense algebra: [B, N, H, 2, 2]."""
    a_BNH, p_BNH, q_BNH = (
        F.linear(u_BNE, mixer.w_apq, mixer.bias)
        .detach()
        .double()
        .numpy()
        .reshape(2, 9, 3, HEADS)
        .transpose(2, 0, 1, 3)
    )
    s = np.empty((*a_BNH.shape, 2, 2), complex)
    for index in np.ndindex(*a_BNH.shape):
        w_12 = np.array([[p_BNH[index], q_BNH[index]]]) / np.sqrt(np.pi)
        inverse_11 = np.linalg.inv(-a_BNH[index] + 1j * np.pi * w_12 @ w_12.T)
        s[index] = np.eye(2) - 2j * np.pi * w_12.T @ inverse_11 @ w_12
    return s


def test_scattering_is_the_matrix_of_its_source(u_BNE):
    mixer = build("scattering")
    s = scattering_matrices(mixer, u_BNE)
    np.testing.assert_allclose(s @ s.conj().swapaxes(-1, -2), np.broadcast_to(np.eye(2), s.shape), atol=1e-12)
    re_BNH, im_BNH, beta_BNH = (part.detach().numpy() for part in mixer.scatter(u_BNE))
    np.testing.assert_allclose(re_BNH + 1j * im_BNH, s[..., 0, 0], atol=1e-5)
    np.testing.assert_allclose(np.abs(beta_BNH), np.abs(s[..., 0, 1]), atol=1e-5)
    g_BNH = torch.complex(*mixer.resolvent(u_BNE)).detach().numpy()
    p_BNH = F.linear(u_BNE, mixer.w_apq, mixer.bias).detach().numpy()[..., HEADS : 2 * HEADS]
    np.testing.assert_allclose(1 + 2j * p_BNH**2 * g_BNH, s[..., 0, 0], atol=1e-5)


def test_scattering_runs_its_recurrence(u_BNE):
    mixer = build("scattering")
    with torch.no_grad():
        re_BNH, im_BNH, beta_BNH = (part.repeat_interleave(WIDTH // HEADS, -1) for part in mixer.scatter(u_BNE))
        start_E = mixer.memory.start.flatten().to(torch.complex64)
        s_BNE = recurrence(start_E, torch.complex(re_BNH, im_BNH), beta_BNH * u_BNE)
        m = mixer.memory.m
        torch.testing.assert_close(mixer(u_BNE), m[0] * s_BNE.real + m[1] * s_BNE.imag, rtol=1e-5, atol=1e-5)


def test_signed_runs_its_recurrence(u_BNE):
    mixer = build("signed")
    with torch.no_grad():
        alpha_BNH = torch.sin(torch.atan(F.linear(u_BNE, mixer.w_v, mixer.bias)))
        assert alpha_BNH.min() < -0.5 and alpha_BNH.max() > 0.5
        alpha_BNE = alpha_BNH.repeat_interleave(WIDTH // HEADS, -1)
        s_BNE = recurrence(mixer.start, alpha_BNE, torch.sqrt(1 - alpha_BNE.square()) * u_BNE)
        torch.testing.assert_close(mixer(u_BNE), mixer.m_0 * s_BNE, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "a, p, q, alpha",
    [
        (0.0, 1.0, 0.0, -1),  # a resonance of one lead changes the sign
        (1.0, 1.0, 0.0, 1j),  # a quarter turn
        (3**-0.5, 1.0, 0.0, np.exp(2j * np.pi / 3)),  # a third
        (5.0, 0.0, 1.0, 1),  # uncoupled
        (0.0, 1.0, 1.0, 0),  # critically coupled: emptied
        (0.0, 1.0, 3.0, 0.8),  # a plain decay
    ],
)
def test_every_kind_of_transition_is_within_reach(a, p, q, alpha):
    mixer = build("scattering")
    with torch.no_grad():
        mixer.w_apq.zero_()
        mixer.bias.copy_(torch.tensor([a, p, q]).repeat_interleave(HEADS))
        re_BNH, im_BNH, beta_BNH = mixer.scatter(torch.ones(1, 1, WIDTH))
    np.testing.assert_allclose(re_BNH + 1j * im_BNH, np.full((1, 1, HEADS), alpha), atol=1e-5)
    np.testing.assert_allclose(beta_BNH.square(), np.full((1, 1, HEADS), 1 - abs(alpha) ** 2), atol=1e-5)


@pytest.mark.parametrize("potential", [0.0, 1e18])
def test_scattering_stands_any_potential(potential, u_BNE):
    mixer = build("scattering")
    with torch.no_grad():
        mixer.w_apq.zero_()
        mixer.bias.zero_()
        mixer.bias[:HEADS] = potential  # and no width but the floor
    y_BNE = mixer(u_BNE)
    y_BNE.square().mean().backward()
    assert y_BNE.isfinite().all()
    assert all(p.grad.isfinite().all() for p in mixer.parameters())


@pytest.mark.parametrize("name", ["scattering", "signed"])
def test_the_start_is_learned_and_decoded_from(name, u_BNE):
    mixer = build(name)
    start = mixer.memory.start if name == "scattering" else mixer.start
    mixer(u_BNE).sum().backward()
    assert (start.grad != 0).all()
    with torch.no_grad():
        y_BNE = mixer(u_BNE)
        torch.testing.assert_close(mixer.step(u_BNE, mixer.initial_state(2))[0], y_BNE, rtol=0, atol=1e-5)
        nothing = tuple(torch.zeros_like(part) for part in mixer.initial_state(2))
        assert not torch.allclose(mixer.step(u_BNE, nothing)[0], y_BNE, atol=1e-2)


@pytest.mark.parametrize("name", ["scattering", "signed"])
def test_each_energy_scatters_by_itself(name, u_BNE):
    one, many = build(name), build(name, energies=3)
    assert many.state_size() == 3 * one.state_size()
    with torch.no_grad():  # B = C = 1, no shift and one start: three times the state of one energy
        many.readout_of = many.memory.readout if name == "scattering" else many.readout
        many.readout_of.w_bc.zero_()
        held, source = (many.memory, one.memory) if name == "scattering" else (many, one)
        for parameter in ("m",) if name == "scattering" else ("m_0", "w_v", "bias"):
            held.get_parameter(parameter).copy_(source.get_parameter(parameter))
        if name == "scattering":
            many.w_apq.copy_(one.w_apq)
            many.bias.copy_(one.bias)
            held.start.copy_(source.start.repeat_interleave(3, 0))
        else:
            held.start.copy_(source.start.view(HEADS, 1, -1).expand(-1, 3, -1).flatten())
        apart_BNE = many(u_BNE)
        many.shift.zero_()
    torch.testing.assert_close(many(u_BNE), 3 * one(u_BNE), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(apart_BNE, 3 * one(u_BNE), rtol=1e-2)


def test_a_router_may_scatter_by_it(tokens_BL):
    model = build_model(resnet_bk(mixer="scattering", ffn=mixture(router="scattering")), VOCABULARY, BUDGET, 0)
    (model(tokens_BL).square().mean() + model.auxiliary_loss()).backward()
    assert model.layers[0].block.mixer.w_apq.grad.isfinite().all()


@pytest.mark.parametrize("modulus", [2, 3, 5])
def test_a_memory_that_turns_counts_at_any_length(modulus):
    """Without learning: the angle of digit d is d / modulus of a turn, and nothing is forgotten."""
    memory = Memory(1, 1, 1)
    digits_BN = torch.from_numpy(np.random.default_rng(0).integers(0, modulus, (4, 2000)))
    angle_BN1 = (2 * np.pi / modulus * digits_BN)[..., None].float()
    gate = torch.cos(angle_BN1), torch.sin(angle_BN1), torch.zeros_like(angle_BN1)
    with torch.no_grad():
        memory.start.fill_(1.0)
        for row, m in enumerate(torch.eye(2)):
            memory.m.copy_(m[:, None])
            y_BN = memory(torch.zeros(4, 2000, 1), gate)[..., 0]
            count_BN = digits_BN.cumsum(1) % modulus
            expected_BN = (torch.cos, torch.sin)[row](2 * np.pi / modulus * count_BN)
            torch.testing.assert_close(y_BN, expected_BN.float(), rtol=0, atol=1e-2)
