import numpy as np
import pytest
import torch
from tests.models.model_configs import BUDGET, gpt2, mamba, mamba2, mixture, resnet_bk, transformer
from transformers.pytorch_utils import Conv1D

from resnetbk.evaluation.quantisation import ActivationBits, quantisable, quantise_weights, to_grid
from resnetbk.models.registry import build_model
from resnetbk.models.resnet_bk.model import ResNetBKModel

VOCABULARY = 64
FAMILIES = {
    config.family: config for config in (mamba(), mamba2(), transformer(), gpt2(), resnet_bk(ffn=mixture()))
}


@pytest.fixture
def matrix_RC() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((20, 50))).float()


@pytest.fixture(params=FAMILIES)
def model(request):
    return build_model(FAMILIES[request.param], VOCABULARY, BUDGET, seed=0)


@pytest.fixture
def tokens_BL() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(VOCABULARY, size=(2, 11)))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_per_channel_rounding_is_torchs_own(matrix_RC, bits):
    top = 2 ** (bits - 1) - 1
    scale_R = matrix_RC.abs().amax(1) / top
    zero_R = torch.zeros(len(matrix_RC), dtype=torch.int32)
    expected = torch.fake_quantize_per_channel_affine(matrix_RC, scale_R, zero_R, 0, -top, top)
    torch.testing.assert_close(to_grid(matrix_RC, bits, None, [1.0]), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("group", [None, 16, 50, 64])
def test_a_group_has_no_more_values_than_its_bits_can_write(matrix_RC, bits, group):
    rounded_RC = to_grid(matrix_RC, bits, group, [1.0, 0.7, 0.4])
    assert rounded_RC.shape == matrix_RC.shape
    for part in rounded_RC.split(group or 50, dim=1):
        for row in part:
            assert len(row.abs().unique()) <= 2 ** (bits - 1)


def test_error_falls_with_bits_smaller_groups_and_a_search_for_the_clip(matrix_RC):
    def error(bits, group=None, clips=(1.0,)):
        return float((to_grid(matrix_RC, bits, group, clips) - matrix_RC).square().mean())

    assert error(8) < error(4) < error(3) < error(2)
    for bits in (2, 3, 4):
        assert error(bits, group=10) < error(bits)
        assert error(bits, clips=(1.0, 0.8, 0.6, 0.4)) < error(bits)


def test_rows_of_zeros_and_of_one_value_stay(matrix_RC):
    matrix_RC[3], matrix_RC[4] = 0.0, -0.7
    rounded_RC = to_grid(matrix_RC, 2, None, [1.0])
    assert torch.equal(rounded_RC[3:5], matrix_RC[3:5])


def test_16_bits_are_bfloat16_and_the_rest_is_left_alone(model):
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    found = quantise_weights(model, bits=16, group=None, clips=[1.0])
    chosen = dict(quantisable(model))
    for name, parameter in model.named_parameters():
        expected = before[name].bfloat16().float() if name in chosen else before[name]
        assert torch.equal(parameter, expected), name
    assert 0.9 < found["quantised_share"] < 1 and found["mean_squared_error"] < 1e-5
    numbers = sum(parameter.numel() for parameter in model.parameters())
    rounded = sum(parameter.numel() for parameter in chosen.values())
    assert found["weight_bytes"] == 4 * numbers - 2 * rounded


def test_outputs_of_every_family_have_scales_of_their_own(model):
    quantise_weights(model, bits=2, group=None, clips=[1.0])
    seen = 0
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | Conv1D):
            outputs = module.weight.T if isinstance(module, Conv1D) else module.weight
            sizes = [len(row.abs().unique()) for row in outputs]
            assert max(sizes) <= 2
            seen += 1
    assert seen or isinstance(model, ResNetBKModel)  # whose matrices are parameters, outputs first


def test_rates_are_no_matrices():
    model = build_model(FAMILIES["mamba"], VOCABULARY, BUDGET, seed=0)
    names = {name.split(".")[-2] for name, _ in quantisable(model)}
    assert names == {"embeddings", "in_proj", "x_proj", "dt_proj", "out_proj", "conv1d"}


def test_bytes_count_weights_scales_and_what_is_left_alone():
    model = torch.nn.Linear(50, 20)
    assert quantise_weights(model, bits=4, group=None, clips=[1.0])["weight_bytes"] == 500 + 4 * (20 + 20)
    assert quantise_weights(model, bits=2, group=16, clips=[1.0])["weight_bytes"] == 250 + 4 * (20 * 4 + 20)


@torch.no_grad()
def test_activations_of_every_family_are_met_at_every_product(model, tokens_BL):
    whole = model(tokens_BL)
    with ActivationBits(8) as eight:
        fine = model(tokens_BL)
    with ActivationBits(2) as two:
        coarse = model(tokens_BL)
    assert torch.equal(model(tokens_BL), whole), "outside the block nothing is rounded"
    matrices = [name for name, _ in quantisable(model) if not any(part in name for part in ("conv", "experts"))]
    assert eight.rounded == two.rounded >= len([name for name in matrices if "wpe" not in name])
    assert 0 < (fine - whole).abs().max() < (coarse - whole).abs().max()


@torch.no_grad()
def test_activations_are_rounded_token_by_token(matrix_RC):
    layer = torch.nn.Linear(50, 50, bias=False)
    layer.weight.copy_(torch.eye(50))
    loud_RC = torch.cat([matrix_RC, 1000 * matrix_RC])
    with ActivationBits(4):
        rounded_RC = layer(loud_RC)
    torch.testing.assert_close(rounded_RC[:20], to_grid(matrix_RC, 4, None, [1.0]))
    torch.testing.assert_close(rounded_RC[20:], 1000 * rounded_RC[:20], rtol=1e-4, atol=1e-4)


def test_tied_weights_stay_tied(tokens_BL):
    model = build_model(FAMILIES["transformer"], VOCABULARY, BUDGET, seed=0)
    quantise_weights(model, bits=2, group=None, clips=[1.0])
    assert model.lm_head.weight is model.model.embed_tokens.weight
