"""The mixers compute their formulas, and a new one is one file."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, resnet_bk

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


def test_decay_starts_in_its_range():
    mixer, _ = mixer_and_config()
    start_H = F.softplus(mixer.decay.bias)
    assert 0.0099 <= start_H.min() and start_H.max() <= 0.501
    torch.testing.assert_close(F.softplus(mixer.w_0), torch.ones(4))


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


@pytest.mark.parametrize("name", ["propagator", "diagonal"])
def test_eta_is_heeded(name, u_BNE):
    sharp, broad = (mixer_and_config(mixer=name, eta=eta)[0] for eta in (1e-3, 1.0))
    assert not torch.allclose(sharp(u_BNE), broad(u_BNE))


def test_the_control_refuses_a_gradient_it_has_not():
    with pytest.raises(UserError, match=r"hybrid_gradient is 0\.5"):
        mixer_and_config(mixer="exponential", hybrid_gradient=0.5)


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

    return build


def test_a_new_mixer_is_one_file(drop_in, tokens_BL, largest_earlier_change):
    model = drop_in("running_mean", NEWCOMER)
    model(tokens_BL).sum().backward()
    assert model.layers[0].block.mixer.gain.grad.abs().sum() > 0
    assert model.layers[0].block.mixer.gain._no_weight_decay
    assert largest_earlier_change(model) == 0.0


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
    with pytest.raises(UserError, match="known mixers: diagonal, exponential, propagator"):
        load_mixer("zzz")


def test_the_folder_holds_mixers_only():
    files = sorted(path.stem for path in Path(mixers.__file__).parent.glob("*.py"))
    assert files == ["__init__", "diagonal", "exponential", "propagator"]
