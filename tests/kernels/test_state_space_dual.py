"""What is Mamba-2's own beyond what every kernel promises: groups, heads of any width, the dual form, a state."""

from __future__ import annotations

import pytest
import torch

from resnetbk.kernels.selection import use
from resnetbk.kernels.state_space_dual import (
    CHUNK,
    LANES,
    _operator,
    state_space_dual,
    state_space_dual_from_state,
    state_space_dual_reference,
)

SHAPES = {  # batch, length, heads, channels, groups, states
    "heads share a block": (2, 37, 6, 11, 2, 3),
    "a head is a block": (1, CHUNK, 2, LANES, 1, 5),
    "a head is more than a block": (2, CHUNK + 1, 3, LANES + 36, 3, 2),
    "one of each": (1, 1, 1, 1, 1, 1),
}


def inputs(batch, length, heads, channels, groups, states, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def randn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    tensors = (
        randn(batch, length, heads, channels),
        0.2 * randn(batch, length, heads).abs(),
        -4 * randn(heads).abs(),
        randn(batch, length, groups, states),
        randn(batch, length, groups, states),
        randn(heads),
    )
    return [x.to(dtype) for x in tensors]


def dual_form(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H):
    """Return (L o C B^T) dt x + D x, the quadratic form of section 4 of the paper."""
    repeats = x_BNHP.shape[2] // B_BNGS.shape[2]
    scores_BHNM = torch.einsum("bngs,bmgs->bgnm", C_BNGS, B_BNGS).repeat_interleave(repeats, 1)
    exponent_BHN = (dt_BNH * A_H).cumsum(1).transpose(1, 2)
    decay_BHNM = (exponent_BHN[..., :, None] - exponent_BHN[..., None, :]).exp().tril()
    return torch.einsum("bhnm,bmh,bmhp->bnhp", scores_BHNM * decay_BHNM, dt_BNH, x_BNHP) + D_H[:, None] * x_BNHP


def gradients(function, arguments):
    arguments = [x.clone().requires_grad_() for x in arguments]
    y = function(*arguments)
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(y.dtype)
    return [y.detach(), *torch.autograd.grad((y * weight).sum(), arguments)]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_values_and_gradients_are_the_references(shape, dtype, tolerance):
    expected = gradients(state_space_dual_reference, inputs(*shape))
    found = gradients(state_space_dual, inputs(*shape, dtype=dtype))
    for x, y in zip(found, expected, strict=True):
        assert (x - y).abs().max() <= tolerance * y.abs().max()


def test_values_are_the_dual_forms():
    arguments = inputs(1, 512, 4, 3, 2, 5)
    torch.testing.assert_close(state_space_dual(*arguments), dual_form(*arguments), rtol=1e-10, atol=1e-10)
    swapped = [x.flip(2) if x.dim() == 4 and x.shape[2] == 2 else x for x in arguments]  # the groups' order counts
    assert not torch.allclose(state_space_dual(*swapped), dual_form(*arguments), rtol=1e-3)


def test_gradcheck_with_groups():
    arguments = [x.requires_grad_() for x in inputs(2, CHUNK + 2, 4, 3, 2, 2)]
    assert torch.autograd.gradcheck(state_space_dual, arguments, fast_mode=True)


def test_a_gate_that_closes_or_never_does_stays_finite():
    x, dt, _, *rest = inputs(1, 4096, 2, 3, 1, 2, dtype=torch.float32)
    for A in (torch.tensor([-1e30, 0.0]), torch.tensor([-1e-30, -1e3])):
        assert all(v.isfinite().all() for v in gradients(state_space_dual, (x, dt, A, *rest)))


def test_the_operator_is_registered_as_torch_asks():
    arguments = [x.requires_grad_() for x in inputs(2, 5, 4, 3, 2, 2, dtype=torch.float32)]
    torch.library.opcheck(_operator, arguments)


def test_heads_that_the_groups_do_not_divide():
    x, dt, A, B, C, D = inputs(1, 3, 4, 2, 2, 2)
    with pytest.raises(ValueError, match="multiple of the groups of B and C; found 4 and 3"):
        state_space_dual(x, dt, A, torch.cat([B, B[:, :, :1]], 2), torch.cat([C, C[:, :, :1]], 2), D)


def run_from_state(arguments, lengths):
    x, dt, A, B, C, D = arguments
    batch, _, heads, channels = x.shape
    state, outputs = (x.new_zeros(batch, heads, channels, B.shape[3]),), []
    for x_t, dt_t, B_t, C_t in zip(*(v.split(lengths, 1) for v in (x, dt, B, C)), strict=True):
        y, state = state_space_dual_from_state(x_t, dt_t, A, B_t, C_t, D, state)
        outputs.append(y)
    return torch.cat(outputs, 1), state[0]


@pytest.mark.parametrize("lengths", [[37], [1] * 37, [5, CHUNK, CHUNK, 0]], ids=["whole", "single", "mixed"])
def test_from_a_state_the_bits_are_those_of_the_whole(lengths):
    arguments = inputs(*SHAPES["heads share a block"], dtype=torch.float32)
    y, h = run_from_state(arguments, lengths)
    assert torch.equal(y, state_space_dual(*arguments))
    assert torch.equal(h, run_from_state(arguments, [37])[1])
    with use("reference"):
        y_reference, h_reference = run_from_state(arguments, lengths)
    torch.testing.assert_close(y, y_reference, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(h, h_reference, rtol=1e-5, atol=1e-5)


def test_the_callers_state_is_left_as_it_is():
    x, dt, A, B, C, D = inputs(2, 4, 2, 3, 1, 5)
    state = torch.ones(2, 2, 3, 5, dtype=torch.float64)
    _, (after,) = state_space_dual_from_state(x, dt, A, B, C, D, (state,))
    assert torch.equal(state, torch.ones_like(state))
    assert not torch.equal(after, state)


def test_from_a_state_there_is_no_gradient():
    x, dt, A, B, C, D = inputs(2, 4, 2, 3, 1, 5)
    with pytest.raises(ValueError, match="D requires a gradient"):
        state_space_dual_from_state(x, dt, A, B, C, D.requires_grad_(), (x.new_zeros(2, 2, 3, 5),))


def test_same_bits_for_any_number_of_threads():
    arguments = inputs(5, 40, 3, 30, 1, 4, dtype=torch.float32)
    threads, results = torch.get_num_threads(), []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            results.append(gradients(state_space_dual, arguments))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(results[0], other, strict=True))
