"""What the Triton kernels compute, in Triton's interpreter, through the public functions: see test_triton.py."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.cases import GENERATOR, Kernel, rand, randn
from tests.kernels.test_kernels import (
    TOLERANCE,
    distance,
    outputs,
    test_layout_of_the_inputs_does_not_matter,
    test_nan_cotangent_is_not_swallowed,
    test_nan_goes_on_and_only_forwards_in_time,
    test_nothing_in_nothing_out,
    values_and_gradients,
)

from resnetbk.kernels.complex_recurrence import complex_linear_recurrence, complex_linear_recurrence_reference
from resnetbk.kernels.convolution import causal_convolution_silu, causal_convolution_silu_reference
from resnetbk.kernels.propagator import propagator, propagator_reference
from resnetbk.kernels.selection import use
from resnetbk.kernels.selective import selective_scan, selective_scan_reference
from resnetbk.kernels.state_space_dual import state_space_dual, state_space_dual_reference

__all__ = [  # what every kernel promises, promised here as well
    "test_layout_of_the_inputs_does_not_matter",
    "test_nan_cotangent_is_not_swallowed",
    "test_nan_goes_on_and_only_forwards_in_time",
    "test_nothing_in_nothing_out",
]

# More than one program takes: channels of a head, states, steps; and heads that share their maps.
WIDE = [
    Kernel(
        selective_scan,
        selective_scan_reference,
        lambda *_: {
            "u_BNE": randn(1, 18, 3),
            "dt_BNE": 4 * randn(1, 18, 3),
            "A_ES": -8 * rand(3, 21),
            "B_BNS": randn(1, 18, 21),
            "C_BNS": randn(1, 18, 21),
            "D_E": randn(3),
            "gate_BNE": 4 * randn(1, 18, 3),
        },
    ),
    Kernel(
        propagator,
        propagator_reference,
        lambda *_: {
            "u_BNHP": randn(2, 5, 2, 40),
            "a_BNH": 3 * randn(2, 5, 2),
            "w_H": 0.5 + rand(2),
            "energy_H": randn(2),
            "eta_H": 0.3 + rand(2),
        },
    ),
    Kernel(
        complex_linear_recurrence,
        complex_linear_recurrence_reference,
        lambda *_: {
            "u_BNHP": randn(2, 5, 2, 40),
            "alpha_re_BNH": 1.4 * rand(2, 5, 2) - 0.7,
            "alpha_im_BNH": 1.4 * rand(2, 5, 2) - 0.7,
        },
    ),
    Kernel(
        state_space_dual,
        state_space_dual_reference,
        lambda *_: {
            "x_BNHP": randn(1, 19, 4, 40),
            "dt_BNH": rand(1, 19, 4),
            "A_H": -4 * rand(4),
            "B_BNGS": randn(1, 19, 2, 37),
            "C_BNGS": randn(1, 19, 2, 37),
            "D_H": randn(4),
        },
    ),
    Kernel(
        causal_convolution_silu,
        causal_convolution_silu_reference,
        lambda *_: {
            "x_BNE": randn(2, 70, 3),
            "weight_EK": randn(3, 4),
            "bias_E": randn(3),
        },
    ),
]


@pytest.fixture(autouse=True)
def _in_triton():
    GENERATOR.manual_seed(0)
    with use("triton"):
        yield


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((2, 19, 3), torch.float32),
        ((1, 17, 2), torch.float64),
        ((1, 1, 1), torch.float32),
        ((1, 2, 33), torch.float32),
    ],
    ids=str,
)
def test_values_and_gradients_are_the_references(kernel, shape, dtype):
    inputs = kernel.inputs(*shape)
    expected = values_and_gradients(kernel.reference, inputs, torch.float64)
    assert distance(values_and_gradients(kernel.function, inputs, dtype), expected) < TOLERANCE[dtype]


@pytest.mark.parametrize("kernel", WIDE, ids=lambda kernel: kernel.function.__name__)
def test_what_several_programs_share_adds_up(kernel):
    inputs = kernel.inputs()
    expected = values_and_gradients(kernel.reference, inputs, torch.float64)
    found = values_and_gradients(kernel.function, inputs, torch.float32)
    assert distance(found, expected) < TOLERANCE[torch.float32]


def test_comparison_notices_a_wrong_coefficient(kernel):
    inputs = kernel.inputs(1, 5, 2)
    expected = values_and_gradients(kernel.reference, inputs, torch.float64)
    for name in inputs:
        moved = {**inputs, name: inputs[name] * 1.001}
        assert distance(values_and_gradients(kernel.function, moved, torch.float64), expected) > 1e-5, name


def test_the_kernels_here_are_tritons(kernel, monkeypatch):
    """Numba's would pass the other tests too: here it may not run."""
    import triton

    launches = []
    interpreted = type(triton.jit(test_nothing_in_nothing_out))
    run = interpreted.run
    monkeypatch.setattr(interpreted, "run", lambda *a, **k: launches.append(a) or run(*a, **k))
    outputs(kernel.function, kernel.inputs(1, 2, 3).values())
    assert launches
