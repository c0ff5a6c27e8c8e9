"""What holds for every family: signature, seeds, counts, causality, live gradients, learning, narrow imports."""

import copy
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter
from tests.models.model_configs import BUDGET, VOCABULARY, gpt2, mamba, mamba2, resnet_bk, transformer

from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params.models import Model

TRANSFORMERS = ("transformer", "gpt2")


def build(config, seed=0):
    return build_model(config, VOCABULARY, BUDGET, seed)


@pytest.fixture
def model(config):
    return copy.deepcopy(built(config.model_dump_json()))


@cache
def built(config_json):
    return build(TypeAdapter(Model).validate_json(config_json))


def loss_of(model, tokens_BL):
    logits_BLV = model(tokens_BL[:, :-1])
    return F.cross_entropy(logits_BLV.flatten(0, 1), tokens_BL[:, 1:].flatten()) + model.auxiliary_loss()


def test_signature(model, tokens_BL):
    logits_BLV = model(tokens_BL)
    assert logits_BLV.shape == (*tokens_BL.shape, VOCABULARY)
    assert logits_BLV.dtype == torch.float32
    assert logits_BLV.isfinite().all()
    assert model.causal is True
    assert model.auxiliary_loss().shape == ()
    assert model.dimensions["layers"] == 2


def test_counts(config, model):
    counted = count_parameters(model)
    rows = VOCABULARY + getattr(config, "context", 0)  # GPT-2 has a table of positions, too
    assert counted["total"] == pytest.approx(BUDGET, rel=0.01)
    assert counted["embedding"] == rows * model.dimensions["width"]
    assert counted["embedding"] + counted["non_embedding"] == counted["total"]


def test_state_grows_with_the_transformers_alone(config, model):
    short, long = model.state_size(10), model.state_size(40)
    assert short > 0
    assert (long == 4 * short) if config.family in TRANSFORMERS else (long == short)


def test_same_seed_same_bits_and_no_trace_in_the_global_generator(config):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(config, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    second, other = build(config, seed=3).state_dict(), build(config, seed=4).state_dict()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


def test_earlier_logits_do_not_move_by_a_bit(model, largest_earlier_change):
    assert largest_earlier_change(model) == 0.0


def test_every_parameter_has_a_gradient(model, tokens_BL):
    loss_of(model, tokens_BL).backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not dead


def test_learns_a_repeating_sequence(model):
    tokens_BL = torch.arange(8).repeat(2, 4)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = loss_of(model, tokens_BL)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_weight_decay_spares_gains_biases_and_decay_rates(config):
    model = build(config)
    decayed = {n for n, p in model.named_parameters() if not getattr(p, "_no_weight_decay", False)}
    assert decayed
    assert all(model.get_parameter(name).ndim >= 2 for name in decayed)
    assert not {name for name in decayed if name.endswith((".m", "A_log", ".D", "l_a", "l_eta", "w_0", "l_e"))}


@pytest.mark.parametrize(
    "config", [resnet_bk(), mamba(), mamba2(), transformer(), gpt2()], ids=lambda config: config.family
)
def test_layers_and_convolution_are_heeded(config):
    assert build(config.model_copy(update={"layers": 3})).dimensions["layers"] == 3
    if config.family not in TRANSFORMERS:
        changed = build(config.model_copy(update={"convolution": 3}))
        assert changed.state_size(1) != build(config).state_size(1)


IMPORTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.models.model_configs import CONFIGS
from resnetbk.models.registry import build_model
seen = {}
for name in ("propagator", "mamba"):
    before = set(sys.modules)
    build_model(CONFIGS[name], 64, 60_000, 0)
    seen[name] = sorted(m for m in set(sys.modules) - before if m.startswith("resnetbk."))
print(json.dumps(seen))
"""


def test_a_model_imports_only_its_own_files():
    command = [sys.executable, "-c", IMPORTS, str(Path(__file__).parents[2])]
    seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    mixers = [name for name in seen["propagator"] if name.startswith("resnetbk.models.mixers.")]
    assert mixers == ["resnetbk.models.mixers.propagator"]
    others = ("mamba", "transformer", "feed_forward", "mixture_of_experts", "hybrid_gradient", "selective")
    assert not [name for name in seen["propagator"] if name.endswith(others)]
    assert "resnetbk.models.mamba" in seen["mamba"]
    assert not [name for name in seen["mamba"] if "resnet_bk" in name or name.endswith("transformer")]
