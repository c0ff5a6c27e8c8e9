"""The mixers compute their formulas, and a new one is one file."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, mixture, resnet_bk

from resnetbk.audit.causality import check_causality
from resnetbk.audit.causality_gradient import check_causality_gradient
from resnetbk.errors import UserError
from resnetbk.models import mixers
from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk import load_mixer

WIDTH = 12


@pytest.fixture
def u_BNE():
    return torch.randn(2, 9, WIDTH, generator=torch.Generator().manual_seed(0))


def mixer_and_config(**changes):
    config = resnet_bk(**changes)
    torch.manual_seed(0)
    return load_mixer(config.mixer)(WIDTH, config), config


def corner(a_N, hopping, energy, eta, u_NP):
    """Solve (H - z) x = u with dense algebra for every leading block; return the last row of each solution."""
    rows = []
    for n in range(1, len(a_N) + 1):
        off = np.full(n - 1, -hopping)
        h = np.diag(a_N[:n] - energy - 1j * eta) + np.diag(off, 1) + np.diag(off, -1)
        rows.append(np.linalg.solve(h, u_NP[:n])[-1])
    return np.array(rows)


def test_propagator_solves_the_tridiagonal_system(u_BNE):
    mixer, config = mixer_and_config(eta=0.02)
    kappa_BNH = F.softplus(F.linear(u_BNE, mixer.decay.w_v, mixer.decay.bias)) * mixer.decay.l_a.exp()
    expected = np.empty(u_BNE.shape)
    channels = WIDTH // config.heads
    for b in range(2):
        for h in range(config.heads):
            part = slice(h * channels, (h + 1) * channels)
            a_N = 2 + kappa_BNH[b, :, h].detach().double().numpy() ** 2
            s_NP = corner(a_N, 1.0, 0.0, 0.02 + 1e-4, u_BNE[b, :, part].double().numpy())
            m = mixer.m.detach().double().numpy()[:, part]
            expected[b, :, part] = m[0] * s_NP.real + m[1] * s_NP.imag
    np.testing.assert_allclose(mixer(u_BNE).detach().numpy(), expected, rtol=2e-4, atol=2e-5)


def test_exponential_is_the_plain_gate(u_BNE):
    mixer, config = mixer_and_config(mixer="exponential")
    alpha_BNE = torch.exp(-mixer.decay(u_BNE)).repeat_interleave(WIDTH // config.heads, -1)
    state_BE, y = torch.zeros(2, WIDTH), []
    for t in range(u_BNE.shape[1]):
        state_BE = alpha_BNE[:, t] * state_BE + u_BNE[:, t]
        y.append(state_BE * mixer.m_0)
    torch.testing.assert_close(mixer(u_BNE), torch.stack(y, 1), rtol=1e-5, atol=1e-6)


def test_diagonal_mixes_the_resolvents_corner(u_BNE):
    mixer, config = mixer_and_config(mixer="diagonal", eta=0.02)
    kappa_BNH = mixer.decay(u_BNE).detach().double().numpy()
    g_BNH = np.empty(kappa_BNH.shape, complex)
    for b in range(2):
        for h in range(config.heads):
            unit_N1 = np.zeros((u_BNE.shape[1], 1))
            for t in range(u_BNE.shape[1]):
                unit_N1[:] = 0
                unit_N1[t] = 1
                g_BNH[b, t, h] = corner(2 + kappa_BNH[b, :, h] ** 2, 1.0, 0.0, 0.0201, unit_N1)[t, 0]
    features = np.concatenate([g_BNH.real, g_BNH.imag], -1)
    expected = features @ mixer.w_mix.detach().double().numpy().T
    np.testing.assert_allclose(mixer(u_BNE).detach().numpy(), expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["propagator", "diagonal", "phase"])
@pytest.mark.parametrize("energies", [1, 3])
def test_resolvent_is_the_first_energys(name, energies, u_BNE):
    mixer, config = mixer_and_config(mixer=name, energies=energies, eta=0.3)
    g_re_BNH, g_im_BNH = mixer.resolvent(u_BNE)
    assert g_re_BNH.shape == g_im_BNH.shape == (2, 9, config.heads)
    (g_re_BNH.sum() + g_im_BNH.sum()).backward()
    assert mixer.l_eta.grad.abs().min() > 0
    with torch.no_grad():
        _, state = mixer.step(u_BNE, mixer.initial_state(2))  # its first two parts are g of the last token
        torch.testing.assert_close(state[0][:, ::energies], g_re_BNH[:, -1].detach())
        torch.testing.assert_close(state[1][:, ::energies], g_im_BNH[:, -1].detach())
        _, state = mixer.step(u_BNE[:, :4], mixer.initial_state(2))
        later = mixer.resolvent(u_BNE[:, 4:], state)
    torch.testing.assert_close(later, (g_re_BNH[:, 4:].detach(), g_im_BNH[:, 4:].detach()))


def test_rotation_turns_by_its_angle(u_BNE):
    mixer, config = mixer_and_config(mixer="rotation")
    with torch.no_grad():
        v_BNH = F.linear(u_BNE, mixer.w_v, mixer.bias)
        alpha_BNH = torch.polar(torch.exp(-mixer.decay(u_BNE)), 4 * torch.atan(v_BNH / 4))
        torch.testing.assert_close(mixer(u_BNE), turned(mixer, config, u_BNE, alpha_BNH), rtol=1e-5, atol=1e-5)


def test_phase_turns_by_the_resolvents(u_BNE):
    mixer, config = mixer_and_config(mixer="phase", eta=0.3)
    with torch.no_grad():
        v_BNH = F.linear(u_BNE, mixer.w_v, mixer.bias).double().numpy()
        g_BNH = np.empty(v_BNH.shape, complex)
        for b, t, h in np.ndindex(*v_BNH.shape):
            g_BNH[b, t, h] = corner(2 * v_BNH[b, : t + 1, h], 1.0, 0.0, 0.3001, np.eye(t + 1))[t][t]
        size_BNH = torch.exp(-mixer.decay(u_BNE))
        alpha_BNH = torch.polar(size_BNH, torch.from_numpy(np.angle(g_BNH)).float())
        torch.testing.assert_close(mixer(u_BNE), turned(mixer, config, u_BNE, alpha_BNH), rtol=1e-4, atol=1e-5)


def test_phase_stands_any_potential(u_BNE):
    mixer, _ = mixer_and_config(mixer="phase", eta=0.3)
    with torch.no_grad():
        mixer.bias.fill_(1e30)
    y_BNE = mixer(u_BNE)
    y_BNE.square().mean().backward()
    assert y_BNE.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in mixer.parameters())


def turned(mixer, config, u_BNE, alpha_BNH):
    """Run s_t = alpha_t s_{t-1} + sqrt(1 - |alpha_t|^2) u_t in complex numbers and read it."""
    alpha_BNE = alpha_BNH.repeat_interleave(WIDTH // config.heads, -1)
    written_BNE = torch.sqrt(1 - alpha_BNE.abs().square()) * u_BNE
    m, y = mixer.memory.m, []
    s_BE = mixer.memory.start.flatten().to(torch.complex64).expand(2, -1)
    for t in range(u_BNE.shape[1]):
        s_BE = alpha_BNE[:, t] * s_BE + written_BNE[:, t]
        y.append(m[0] * s_BE.real + m[1] * s_BE.imag)
    return torch.stack(y, 1)


@pytest.mark.parametrize("name", ["phase", "rotation"])
def test_a_turn_that_forgets_nothing_learns_still(name, u_BNE):
    mixer, _ = mixer_and_config(mixer=name, eta=0.3)
    with torch.no_grad():
        mixer.decay.bias.fill_(-200.0)  # kappa is 0 in float32, and so is what a token may write
    y_BNE = mixer(u_BNE)
    y_BNE.square().mean().backward()
    assert y_BNE.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in mixer.parameters())


def test_phase_and_rotation_start_at_the_same_angles():
    cosine_H = torch.linspace(0.9, -0.9, 4)
    torch.testing.assert_close(mixer_and_config(mixer="phase")[0].bias.detach(), cosine_H)
    angle_H = 4 * torch.atan(mixer_and_config(mixer="rotation")[0].bias.detach() / 4)
    torch.testing.assert_close(torch.cos(angle_H), cosine_H)


def two_sided(mixer, config, u_BNE, solve):
    """Apply `solve(H - z)` of each sequence and head, by dense algebra."""
    kappa_BNH = mixer.decay(u_BNE).detach().double().numpy()
    for b in range(2):
        for h in range(config.heads):
            off = np.full(u_BNE.shape[1] - 1, -1.0)
            a_N = 2 + kappa_BNH[b, :, h] ** 2 - 1j * (0.02 + 1e-4)
            solve(b, h, np.diag(a_N) + np.diag(off, 1) + np.diag(off, -1))


def test_bidirectional_diagonal_is_the_inverses(u_BNE):
    mixer, config = mixer_and_config(mixer="bidirectional_diagonal", eta=0.02)
    g_BNH = np.empty((2, u_BNE.shape[1], config.heads), complex)

    def solve(b, h, matrix):
        g_BNH[b, :, h] = np.diag(np.linalg.inv(matrix))

    two_sided(mixer, config, u_BNE, solve)
    expected = np.concatenate([g_BNH.real, g_BNH.imag], -1) @ mixer.w_mix.detach().double().numpy().T
    np.testing.assert_allclose(mixer(u_BNE).detach().numpy(), expected, rtol=2e-4, atol=2e-5)


def test_bidirectional_propagator_solves_the_whole_system(u_BNE):
    mixer, config = mixer_and_config(mixer="bidirectional_propagator", eta=0.02)
    channels, expected = WIDTH // config.heads, np.empty(u_BNE.shape)
    m = mixer.m.detach().double().numpy()

    def solve(b, h, matrix):
        part = slice(h * channels, (h + 1) * channels)
        x_NP = np.linalg.solve(matrix, u_BNE[b, :, part].double().numpy())
        expected[b, :, part] = m[0, part] * x_NP.real + m[1, part] * x_NP.imag

    two_sided(mixer, config, u_BNE, solve)
    np.testing.assert_allclose(mixer(u_BNE).detach().numpy(), expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["bidirectional_diagonal", "bidirectional_propagator"])
def test_encoders_see_both_ways_and_the_audit_refuses_them(name, tokens_BL):
    model = build_model(resnet_bk(mixer=name, energies=2), VOCABULARY, BUDGET, 0)
    assert model.causal is False
    loss = model(tokens_BL).square().mean()
    loss.backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())
    model.causal = type(model.layers[0].block.mixer).causal = True  # a lie: the audit measures, it does not ask
    try:
        outcome = check_causality(model, tokens_BL, vocabulary_size=VOCABULARY, seed=0)
        by_gradient = check_causality_gradient(model, tokens_BL, seed=0)
    finally:
        type(model.layers[0].block.mixer).causal = False
    assert not outcome.passed and not by_gradient.passed
    assert outcome.measured["earliest_position"] == 0
    assert outcome.measured["tokens_ahead"] >= tokens_BL.shape[1] // 2
    assert outcome.measured["largest_change"] > 1e-4
    assert "logits at position 0 see at least" in outcome.detail


@pytest.mark.parametrize("name", ["propagator", "phase", "scattering"])
def test_their_causal_counterparts_pass_the_same_audit(name, tokens_BL):
    model = build_model(resnet_bk(mixer=name, eta=0.3, energies=2), VOCABULARY, BUDGET, 0)
    assert check_causality(model, tokens_BL, vocabulary_size=VOCABULARY, seed=0).passed
    assert check_causality_gradient(model, tokens_BL, seed=0).passed


def test_decay_starts_in_its_range():
    mixer, _ = mixer_and_config()
    start_H = F.softplus(mixer.decay.bias)
    assert 0.0099 <= start_H.min() and start_H.max() <= 0.501
    torch.testing.assert_close(F.softplus(mixer.w_0), torch.ones(4))


@pytest.mark.parametrize("name", ["phase", "rotation"])
def test_each_energy_turns_by_its_own_angle(name, u_BNE):
    one, many = (mixer_and_config(mixer=name, energies=k, eta=0.3)[0] for k in (1, 3))
    assert many.state_size() == 3 * one.state_size()
    with torch.no_grad():  # B = C = 1, no shift and one start: three times the state of one energy
        many.memory.readout.w_bc.zero_()
        many.decay.load_state_dict(one.decay.state_dict())
        for parameter in ("w_v", "bias", "memory.m"):
            many.get_parameter(parameter).copy_(one.get_parameter(parameter))
        many.memory.start.copy_(one.memory.start.repeat_interleave(3, 0))
        apart_BNE = many(u_BNE)
        many.shift.zero_()
    torch.testing.assert_close(many(u_BNE), 3 * one(u_BNE), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(apart_BNE, 3 * one(u_BNE), rtol=1e-2)


@pytest.mark.parametrize("name", ["propagator", "exponential"])
def test_many_energies_are_many_states(name, u_BNE):
    one, many = (mixer_and_config(mixer=name, energies=k)[0] for k in (1, 3))
    assert many.state_size() == 3 * one.state_size()
    assert (many.detuning().view(4, 3).diff() > 0).all()
    assert many(u_BNE).shape == u_BNE.shape
    with torch.no_grad():  # B = C = 1 and one depth: three times the state of one energy at that depth
        many.readout.w_bc.zero_()
        many.detuning.l_e.fill_(-30.0)
        many.decay.load_state_dict(one.decay.state_dict())
        scale = "m" if name == "propagator" else "m_0"
        many.get_parameter(scale).copy_(one.get_parameter(scale))
    torch.testing.assert_close(many(u_BNE), 3 * one(u_BNE), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["propagator", "diagonal", "phase", "scattering"])
def test_eta_is_heeded(name, u_BNE):
    sharp, broad = (mixer_and_config(mixer=name, eta=eta)[0] for eta in (1e-3, 1.0))
    assert not torch.allclose(sharp(u_BNE), broad(u_BNE))


@pytest.mark.parametrize(
    "name", ["exponential", "phase", "rotation", "scattering", "signed", "bidirectional_propagator"]
)
def test_a_mixer_without_the_hybrid_gradient_refuses_it(name):
    with pytest.raises(UserError, match=rf"hybrid_gradient is 0\.5, but mixer '{name}' has no such gradient"):
        build_model(resnet_bk(mixer=name, hybrid_gradient=0.5), VOCABULARY, BUDGET, 0)


@pytest.mark.parametrize("name", ["exponential", "rotation", "signed"])
def test_a_mixer_without_a_resolvent_cannot_scatter(name):
    with pytest.raises(UserError, match=f"'scattering', but mixer '{name}' has no resolvent"):
        build_model(resnet_bk(mixer=name, ffn=mixture(router="scattering")), VOCABULARY, BUDGET, 0)


NEWCOMER = '''
"""The mean of all tokens so far."""

import torch


class Mixer(torch.nn.Module):
    causal = True

    def __init__(self, width, config):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(width))

    def forward(self, u_BNE):
        counts_N1 = torch.arange(1, u_BNE.shape[1] + 1)[:, None]
        return self.gain * u_BNE.cumsum(1) / counts_N1

    def state_size(self):
        return 4 * len(self.gain)
'''


@pytest.fixture
def drop_in(tmp_path, monkeypatch):
    """Add a folder to the mixers' package; return a function that puts a mixer's file there and builds it."""
    monkeypatch.setattr(mixers, "__path__", [*mixers.__path__, str(tmp_path)])

    def build(name, source):
        (tmp_path / f"{name}.py").write_text(source)
        return build_model(resnet_bk(mixer=name), VOCABULARY, BUDGET, 0)

    before = set(sys.modules)
    yield build
    for name in set(sys.modules) - before:  # or later tests would take them for code of the project
        if name.startswith(f"{mixers.__name__}."):
            del sys.modules[name]


def test_a_new_mixer_is_one_file(drop_in, tokens_BL, largest_earlier_change):
    model = drop_in("running_mean", NEWCOMER)
    model(tokens_BL).sum().backward()
    assert model.layers[0].block.mixer.gain.grad.abs().sum() > 0
    assert model.layers[0].block.mixer.gain._no_weight_decay
    assert largest_earlier_change(model) == 0.0


def test_a_mixer_without_steps_trains_and_says_why_it_cannot_decode(drop_in):
    with pytest.raises(UserError, match="mixer 'running_mean' has no initial_state: it needs one to decode"):
        drop_in("running_mean", NEWCOMER).initial_state(1)


def test_a_mixer_that_sees_the_future_is_seen(drop_in, largest_earlier_change):
    leaking = NEWCOMER.replace("u_BNE.cumsum(1) / counts_N1", "u_BNE.mean(1, keepdim=True).expand_as(u_BNE)")
    assert largest_earlier_change(drop_in("whole_mean", leaking)) > 0.0


def test_a_mixer_of_the_wrong_shape_is_named(drop_in, tokens_BL):
    model = drop_in("short", NEWCOMER.replace("return self.gain * u_BNE", "return u_BNE[..., :1]"))
    with pytest.raises(UserError, match=r"mixers\.short: Mixer\.forward .* expected the same shape"):
        model(tokens_BL)


def test_a_file_without_a_mixer(drop_in):
    with pytest.raises(UserError, match=r"empty\.py: expected a class Mixer"):
        drop_in("empty", "")


def test_an_unknown_mixer_names_the_nearest():
    with pytest.raises(UserError, match=r"no file propagater\.py in .*; did you mean 'propagator'"):
        load_mixer("propagater")
    with pytest.raises(UserError, match=r"known mixers: bidirectional_diagonal, .*, diagonal, exp"):
        load_mixer("zzz")


def test_the_folder_holds_mixers_only():
    files = sorted(path.stem for path in Path(mixers.__file__).parent.glob("*.py"))
    assert files == [
        "__init__",
        "bidirectional_diagonal",
        "bidirectional_propagator",
        "diagonal",
        "exponential",
        "phase",
        "propagator",
        "rotation",
        "scattering",
        "signed",
    ]
