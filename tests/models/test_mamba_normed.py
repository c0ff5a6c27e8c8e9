"""Mamba with a norm: the formula by hand, what it takes of ResNet-BK and what it leaves to Mamba."""

import pytest
import torch
import torch.nn.functional as F
from tests.models.model_configs import BUDGET, VOCABULARY, mamba

from resnetbk.kernels.selective import selective_scan
from resnetbk.models.mamba import ScanMixer
from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk.weights import EMBEDDING_STD, residual_scale


@pytest.fixture
def model():
    return build_model(mamba(norm=True), VOCABULARY, BUDGET, 0)


def test_a_mixer_is_the_formula(model):
    mixer, draw = model.backbone.layers[0].mixer, torch.Generator().manual_seed(0)
    x_BNE = torch.randn(2, 20, model.dimensions["width"], generator=draw)
    with torch.no_grad():
        mixer.out_proj.weight.mul_(100)  # it starts small
        mixer.norm_gain.copy_(torch.linspace(0.5, 1.5, len(mixer.norm_gain)))
        inner_BNE, gate_BNE = (F.linear(x_BNE, w) for w in mixer.in_proj.weight.chunk(2))
        convolved = F.conv1d(
            F.pad(inner_BNE.mT, (3, 0)), mixer.conv1d.weight, mixer.conv1d.bias, groups=inner_BNE.shape[-1]
        )
        u_BNE = F.silu(convolved).mT.contiguous()
        rank = mixer.time_step_rank
        dt_BNR, b_BNS, c_BNS = mixer.x_proj(u_BNE).split([rank, 4, 4], -1)
        d_BNE = F.softplus(mixer.dt_proj(dt_BNR))
        rates_ES, h_BES, y = -mixer.A_log.exp(), torch.zeros(2, u_BNE.shape[-1], 4), []
        for t in range(20):
            d_BE1, u_BE1 = d_BNE[:, t, :, None], u_BNE[:, t, :, None]
            h_BES = (d_BE1 * rates_ES).exp() * h_BES + d_BE1 * u_BE1 * (b_BNS[:, t, None] + mixer.b_bias)
            y.append((h_BES * (c_BNS[:, t, None] + mixer.c_bias)).sum(-1))
        normed_BNE = F.rms_norm(torch.stack(y, 1), u_BNE.shape[-1:], mixer.norm_gain, 1e-5)
        expected = mixer.out_proj((normed_BNE + mixer.D * u_BNE) * F.silu(gate_BNE))
        torch.testing.assert_close(mixer(x_BNE), expected, rtol=1e-4, atol=1e-5)
        plain = ScanMixer.forward  # the formula tells the two apart
        mixer.__class__ = type("Plain", (type(mixer),), {"forward": plain, "_scanned": ScanMixer._scanned})
        assert (mixer(x_BNE) - expected).abs().max() > 0.1


def test_an_open_gate_is_no_gate_to_the_bit():
    """The scan's own gate and skip, taken out, leave C h."""
    draw = torch.Generator().manual_seed(0)
    u, dt, b, c = (torch.randn(2, 20, n, generator=draw) for n in (8, 8, 4, 4))
    rates = -torch.rand(8, 4, generator=draw)
    open_ = selective_scan(u, dt, rates, b, c, torch.zeros(8), torch.full_like(u, 32)) / 32
    doubled = selective_scan(u, dt, rates, b, c, torch.zeros(8), torch.full_like(u, 64)) / 64
    assert torch.equal(open_, doubled)
    shut = selective_scan(u, dt, rates, b, c, torch.zeros(8), torch.full_like(u, 1)) / 1
    assert not torch.allclose(open_, shut)


def test_what_is_mambas_stays_mambas():
    """At the same shape, weights that are not the readout's are those of the same seed."""
    plain = build_model(mamba(), VOCABULARY, BUDGET, 0)
    normed = type(build_model(mamba(norm=True), VOCABULARY, BUDGET, 0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        other = normed(plain.config)
    differing = [
        name for name, value in plain.state_dict().items() if not torch.equal(value, other.state_dict()[name])
    ]
    assert differing == [
        "backbone.embeddings.weight",
        *(f"backbone.layers.{i}.mixer.out_proj.weight" for i in range(2)),
        "lm_head.weight",
    ]
    added = other.state_dict().keys() - plain.state_dict().keys()
    assert {name.rsplit(".")[-1] for name in added} == {"norm_gain", "b_bias", "c_bias"}


def test_the_readout_is_resnet_bks(model):
    inner = model.dimensions["inner_width"]
    for block in model.backbone.layers:
        mixer = block.mixer
        assert all((bias == 1).all() for bias in (mixer.b_bias, mixer.c_bias, mixer.norm_gain, mixer.D))
        assert mixer.out_proj.weight.std().item() == pytest.approx(residual_scale(2) * inner**-0.5, rel=0.05)
    assert model.backbone.embeddings.weight.std().item() == pytest.approx(EMBEDDING_STD, rel=0.05)
    assert model.lm_head.weight is model.backbone.embeddings.weight


def test_what_was_added_takes_no_weight_decay(model):
    exempt = {
        name.rsplit(".")[-1] for name, p in model.named_parameters() if getattr(p, "_no_weight_decay", False)
    }
    assert {"norm_gain", "b_bias", "c_bias", "A_log", "D"} <= exempt
    assert not model.backbone.layers[0].mixer.out_proj.weight.__dict__.get("_no_weight_decay", False)
