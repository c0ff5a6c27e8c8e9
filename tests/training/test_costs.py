"""Costs are the closed forms of each family, leave everything as it was, and are the same in any process."""

from __future__ import annotations

import copy
import gc
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from tests.models.model_configs import BUDGET, CONFIGS, VOCABULARY
from torch.utils.flop_counter import flop_registry

from resnetbk.kernels.selection import use
from resnetbk.models.registry import build_model
from resnetbk.repro import portable
from resnetbk.training.costs import count_costs, tied_embeddings
from resnetbk.training.loss import next_token_loss

BATCH, LENGTH = 2, 24
TOKENS = BATCH * LENGTH
FAMILIES = (
    "propagator",
    "exponential",
    "phase",
    "rotation",
    "mamba",
    "mamba_normed",
    "mamba2",
    "transformer",
    "gpt2",
)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    rows_BL = torch.randint(VOCABULARY, (BATCH, LENGTH + 1), generator=torch.Generator().manual_seed(0))
    return rows_BL[:, :-1].contiguous(), rows_BL[:, 1:].contiguous()


def build(name: str):
    return build_model(CONFIGS[name], VOCABULARY, BUDGET, 0)


def kernels(name: str, model) -> tuple[int, int]:
    """Return the operations of a layer's convolution, scan and norm, forward and backward."""
    size = model.dimensions
    elements = TOKENS * size["inner_width"]
    convolution = elements * 10, elements * 31  # 2 K + 2 and 6 K + 7 with four taps
    norm = 9 * elements + 4 * TOKENS, 26 * elements + 7 * TOKENS
    if name in ("mamba", "mamba_normed"):
        states = size["state_size"]
        scan = elements * (7 * states + 6), elements * (21 * states + 22)
        return add(convolution, scan, norm if name == "mamba_normed" else (0, 0))
    if name == "mamba2":
        states = size["state_size"]
        maps = TOKENS * 2 * states
        return add(
            convolution, (10 * maps, 31 * maps), (elements * (5 * states + 4), elements * (14 * states + 12))
        )
    heads = TOKENS * size["heads"]
    from_start = elements + BATCH * size["inner_width"]  # a token more a row writes the memory's start
    scan = {
        "propagator": (9 * elements + 11 * heads, 25 * elements + 22 * heads),
        "exponential": (2 * elements, 3 * elements),
        "phase": (7 * from_start + 11 * heads, 16 * from_start + 22 * heads),
        "rotation": (7 * from_start, 16 * from_start),
    }
    return add(convolution, scan[name], norm)


def add(*costs: tuple[int, int]) -> tuple[int, int]:
    return tuple(map(sum, zip(*costs, strict=True)))


def expected(name: str, model) -> tuple[int, int]:
    """Return 2 operations a weight and token forward and 4 backward, and what works on no weight."""
    products = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and is_product(name)) * TOKENS
    if name in ("transformer", "gpt2"):
        scores = BATCH * LENGTH**2 * model.dimensions["width"]
        rest = 4 * scores, 10 * scores  # the fused adjoint computes the scores again
    else:
        rest = kernels(name, model)
    layers = model.dimensions["layers"]
    return 2 * products + layers * rest[0], 4 * products + layers * rest[1]


def is_product(name: str) -> bool:
    """Return whether every row is multiplied by this matrix; the tied table is, as the output projection."""
    return not name.endswith(("A_log", "conv_weight", "mixer.m", "memory.m", "memory.start", "wpe.weight"))


@pytest.mark.parametrize("name", FAMILIES)
def test_operations_are_the_closed_form(name):
    model = build(name)
    costs = count_costs(model, *batch())
    assert (costs["forward_flops"], costs["backward_flops"]) == expected(name, model)


def test_operations_without_the_formulas_of_the_kernels_would_be_too_few(monkeypatch):
    for operator in ("selective_scan", "selective_scan_backward"):
        monkeypatch.delitem(flop_registry, getattr(torch.ops.resnetbk, operator))
    model = build("mamba")
    costs = count_costs(model, *batch())
    forward, backward = expected("mamba", model)
    assert costs["forward_flops"] < forward and costs["backward_flops"] < backward


def test_portable_attention_counts_its_products_alone(monkeypatch):
    """The plain backend keeps the scores, so that its adjoint has four products and not five."""
    model = build("transformer")
    fused = count_costs(model, *batch())
    monkeypatch.setattr(portable, "installed", lambda: True)
    torch.use_deterministic_algorithms(True)
    try:
        plain = count_costs(model, *batch())
    finally:
        torch.use_deterministic_algorithms(False)
    scores = 2 * BATCH * LENGTH**2 * model.dimensions["width"]
    assert plain["forward_flops"] == fused["forward_flops"]
    assert plain["backward_flops"] == fused["backward_flops"] - scores * model.dimensions["layers"]


@pytest.mark.parametrize("name", ["experts", "mamba", "transformer"])
def test_nothing_is_touched(name):
    model, (tokens_BL, labels_BL) = build(name), batch()
    next_token_loss(model(tokens_BL), labels_BL).backward()
    model.eval()
    weights = copy.deepcopy(model.state_dict())
    gradients = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    count_costs(model, tokens_BL, labels_BL, 2)
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())
    assert {key for key, p in model.named_parameters() if p.grad is not None} == gradients.keys()
    assert all(torch.equal(model.get_parameter(key).grad, value) for key, value in gradients.items())
    assert torch.equal(torch.get_rng_state(), torch_state) and (np.random.get_state()[1] == numpy_state).all()
    assert not model.training


def test_parts_multiply_operations_and_keep_a_gradient():
    model = build("mamba")
    one, two, five = (count_costs(model, *batch(), parts) for parts in (1, 2, 5))
    assert [two["forward_flops"], five["backward_flops"]] == [2 * one["forward_flops"], 5 * one["backward_flops"]]
    weights = sum(4 * p.numel() for p in model.parameters())
    assert one["peak_memory_bytes"] < two["peak_memory_bytes"] <= one["peak_memory_bytes"] + weights
    assert five["peak_memory_bytes"] == two["peak_memory_bytes"]


def test_memory_holds_weights_gradients_moments_and_what_grows_with_the_batch():
    model, (tokens_BL, labels_BL) = build("propagator"), batch()
    weights = sum(4 * p.numel() for p in model.parameters())
    small = count_costs(model, tokens_BL, labels_BL)["peak_memory_bytes"]
    large = count_costs(model, tokens_BL.repeat(2, 1), labels_BL.repeat(2, 1))["peak_memory_bytes"]
    assert small > 3 * weights
    assert 4 * TOKENS * VOCABULARY < large - small < 1.1 * (small - 3 * weights)


def test_the_chosen_kernels_do_not_change_the_count():
    model = build("exponential")
    with use("reference"):
        reference = count_costs(model, *batch())
    assert reference == count_costs(model, *batch())


def test_the_garbage_collector_does_not_change_the_count():
    """Not when it would run at every allocation, nor what it left behind before."""
    model, before = build("transformer"), gc.get_threshold()
    expected = count_costs(model, *batch())
    try:
        for threshold in ((1, 1, 1), (0, 0, 0)):
            gc.set_threshold(*threshold)
            cycle = [torch.zeros(1000)]
            cycle.append(cycle)
            assert count_costs(model, *batch()) == expected
    finally:
        gc.set_threshold(*before)


SCRIPT = """
import sys, torch
from tests.training.test_costs import batch, build
from resnetbk.training.costs import count_costs
torch.set_num_threads(int(sys.argv[1]))
print(count_costs(build("mamba"), *batch()))
"""


@pytest.mark.nightly
def test_another_process_counts_the_same():
    """With another number of threads, and without the vector instructions that the first one uses."""
    here = count_costs(build("mamba"), *batch())
    for threads, capability in (("1", "default"), ("2", "avx2")):
        there = subprocess.run(
            [sys.executable, "-c", SCRIPT, threads],
            env={**os.environ, "ATEN_CPU_CAPABILITY": capability},
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == str(here)


@pytest.mark.parametrize("name", FAMILIES)
def test_embeddings_are_tied(name):
    assert tied_embeddings(build(name))


def test_a_table_of_its_own_for_the_logits_is_seen():
    model = build("mamba")
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    assert not tied_embeddings(model)
