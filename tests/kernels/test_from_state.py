"""Going on from a state gives the bits of the whole."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.cases import GENERATOR, KERNELS

from resnetbk.kernels.complex_recurrence import complex_linear_recurrence_from_state
from resnetbk.kernels.convolution import causal_convolution_silu_from_state
from resnetbk.kernels.moebius import moebius_scan_from_state
from resnetbk.kernels.propagator import propagator_from_state
from resnetbk.kernels.recurrence import linear_recurrence_from_state
from resnetbk.kernels.selection import use
from resnetbk.kernels.selective import selective_scan_from_state

B, N, E = 2, 37, 6
CASES = {  # the kernel from a state, and the shapes of a state
    "linear_recurrence": (linear_recurrence_from_state, [(B, E)]),
    "complex_linear_recurrence": (complex_linear_recurrence_from_state, [(B, E, 19)] * 2),
    "moebius_scan": (moebius_scan_from_state, [(B, E)] * 2),
    "propagator": (propagator_from_state, [(B, E)] * 2 + [(B, E, 11)] * 2),
    "selective_scan": (selective_scan_from_state, [(B, E, 3)]),
    "causal_convolution_silu": (causal_convolution_silu_from_state, [(B, 3, E)]),
}


@pytest.fixture(params=CASES)
def case(request):
    GENERATOR.manual_seed(0)
    function, shapes = CASES[request.param]
    inputs = KERNELS[request.param].inputs(B, N, E)
    return KERNELS[request.param].function, function, inputs, tuple(torch.zeros(shape) for shape in shapes)


def in_parts(function, inputs, state, ends):
    """Run a kernel part by part; return its outputs, joined, and the last state."""
    parts, first = [], 0
    for last in ends:
        part = [x[:, first:last] if name.rsplit("_", 1)[1][:2] == "BN" else x for name, x in inputs.items()]
        *outputs, state = function(*part, state)
        parts.append(outputs)
        first = last
    return [torch.cat(pieces, 1) for pieces in zip(*parts, strict=True)], state


@pytest.mark.parametrize("ends", [(N,), (1, 2, 18, N), range(1, N + 1)], ids=["whole", "parts", "steps"])
def test_the_bits_of_the_whole(case, ends):
    whole, function, inputs, zero = case
    expected = whole(*inputs.values())
    expected = expected if isinstance(expected, tuple) else (expected,)
    found, _ = in_parts(function, inputs, zero, ends)
    for y, other in zip(found, expected, strict=True):
        assert torch.equal(y, other)
    assert all((x == 0).all() for x in zero)


def test_the_state_matters(case):
    """The negative control: to begin again from zero half-way differs."""
    _, function, inputs, zero = case
    _, state = in_parts(function, inputs, zero, (20,))
    rest = [x[:, 20:] if name.rsplit("_", 1)[1][:2] == "BN" else x for name, x in inputs.items()]
    assert not torch.equal(function(*rest, state)[0], function(*rest, zero)[0])


def test_reference_agrees(case):
    _, function, inputs, zero = case
    found, state = in_parts(function, inputs, zero, (20, N))
    with use("reference"):
        expected, expected_state = in_parts(function, inputs, zero, (20, N))
    for x, y in zip((*found, *state), (*expected, *expected_state), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-5)


def test_no_gradient_is_promised(case):
    _, function, inputs, zero = case
    first, *others = inputs.values()
    with pytest.raises(ValueError, match=r"for inference: call it under torch.no_grad\(\)"):
        function(first.requires_grad_(), *others, zero)
    with torch.no_grad():
        function(first, *others, zero)


def test_a_state_of_another_shape_is_refused(case):
    _, function, inputs, zero = case
    with pytest.raises(ValueError, match=r"is \d+ in|must have|holds \d+ inputs"):
        function(*inputs.values(), tuple(x[:, 1:] for x in zero))
