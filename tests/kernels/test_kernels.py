"""What every kernel promises: its reference's values, exact gradients, a proper torch operator, clear errors."""

from __future__ import annotations

import pytest
import torch

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # relative to the largest value


def outputs(function, arguments):
    result = function(*arguments)
    return result if isinstance(result, tuple) else (result,)


def values_and_gradients(function, inputs, dtype):
    """Return the outputs and the gradient of a fixed random projection of them, in float64."""
    arguments = [x.to(dtype).requires_grad_() for x in inputs.values()]
    results = outputs(function, arguments)
    generator = torch.Generator().manual_seed(1)
    loss = sum((y * torch.randn(y.shape, generator=generator).to(dtype)).sum() for y in results)
    return [x.detach().double() for x in (*results, *torch.autograd.grad(loss, arguments))]


def distance(found, expected):
    """Return the largest difference, relative to the tensor's largest value (or to 1e-3, if that vanishes)."""
    return max(
        float((x - y).abs().max() / y.abs().max().clamp(1e-3)) for x, y in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(2, 37, 70), (1, 1, 1), (3, 16, 64), (1, 33, 8)], ids=str)
def test_values_and_gradients_are_the_references(kernel, shape, dtype):
    inputs = kernel.inputs(*shape)
    expected = values_and_gradients(kernel.reference, inputs, torch.float64)
    assert distance(values_and_gradients(kernel.function, inputs, dtype), expected) < TOLERANCE[dtype]


def test_comparison_notices_a_wrong_input(kernel):
    inputs = kernel.inputs(2, 37, 70)
    expected = values_and_gradients(kernel.reference, inputs, torch.float64)
    for name in inputs:
        moved = {**inputs, name: inputs[name] * 1.001}
        found = values_and_gradients(kernel.function, moved, torch.float64)
        assert distance(found, expected) > 1e-5, name


def test_gradcheck(kernel):
    arguments = [x.double().requires_grad_() for x in kernel.inputs(2, 18, 3).values()]
    assert torch.autograd.gradcheck(kernel.function, arguments, fast_mode=True)


def test_gradcheck_notices_a_wrong_gradient(kernel):
    arguments = [x.double().requires_grad_() for x in kernel.inputs(2, 5, 3).values()]

    def scaled_backwards(*arguments):
        return tuple(y.detach() + 1.01 * (y - y.detach()) for y in outputs(kernel.function, arguments))

    assert not torch.autograd.gradcheck(scaled_backwards, arguments, fast_mode=True, raise_exception=False)


def test_operators_are_registered_as_torch_asks():
    """`opcheck` on every operator: schema, autograd, fake tensors and tracing with unknown sizes."""
    from resnetbk.kernels import complex_recurrence, convolution, moebius, norm, propagator, recurrence, selective

    def x(*shape):
        return torch.rand(*shape, requires_grad=True)

    for operator, arguments in (
        (recurrence._operator, (x(2, 5, 3), x(2, 5, 3))),
        (complex_recurrence._operator, (x(2, 5, 3, 2), x(2, 5, 3), x(2, 5, 3))),
        (selective._operator, (x(2, 5, 3), x(2, 5, 3), x(3, 4), x(2, 5, 4), x(2, 5, 4), x(3), x(2, 5, 3))),
        (moebius._operator, (x(2, 5, 3), x(3), x(3), x(3))),
        (propagator._operator, (x(2, 5, 3, 2), x(2, 5, 3), x(3), x(3), x(3))),
        (convolution._operator, (x(2, 5, 3), x(3, 4), x(3))),
        (norm._operator, (x(2, 5, 3), x(2, 5, 3), x(2, 5, 3), x(3), x(3), 1e-5)),
    ):
        torch.library.opcheck(operator, arguments)


def test_layout_of_the_inputs_does_not_matter(kernel):
    inputs = kernel.inputs(2, 9, 6)
    strided = [x.transpose(0, -1).contiguous().transpose(0, -1) for x in inputs.values()]
    assert not strided[0].is_contiguous()
    expected = outputs(kernel.function, inputs.values())
    for y, whole in zip(outputs(kernel.function, strided), expected, strict=True):
        assert torch.equal(y, whole)


@pytest.mark.parametrize("shape", [(0, 5, 3), (2, 0, 3)], ids=["no batch", "no length"])
def test_nothing_in_nothing_out(kernel, shape):
    arguments = [x.requires_grad_() for x in kernel.inputs(*shape).values()]
    results = outputs(kernel.function, arguments)
    for y in results:
        assert y.shape[:2] == shape[:2]
    for x, gradient in zip(arguments, torch.autograd.grad(sum(y.sum() for y in results), arguments), strict=True):
        assert torch.equal(gradient, torch.zeros_like(x))


def test_nan_goes_on_and_only_forwards_in_time(kernel):
    inputs = kernel.inputs(1, 20, 6)
    first = next(iter(inputs.values()))
    first[0, 10] = float("nan")
    for y in outputs(kernel.function, inputs.values()):
        assert y[0, 10:12].isnan().any()  # a real part may reach the imaginary one a step later
        assert not y[0, :10].isnan().any()


def test_nan_cotangent_is_not_swallowed(kernel):
    arguments = [x.requires_grad_() for x in kernel.inputs(1, 5, 6).values()]
    loss = sum(y.sum() for y in outputs(kernel.function, arguments)) * float("nan")
    assert all(gradient.isnan().any() for gradient in torch.autograd.grad(loss, arguments))


def test_rows_of_a_batch_do_not_mix(kernel):
    inputs = kernel.inputs(3, 20, 70)
    alone = {name: x[1:2] if name.rsplit("_", 1)[1].startswith("B") else x for name, x in inputs.items()}
    for y, expected in zip(
        outputs(kernel.function, inputs.values()), outputs(kernel.function, alone.values()), strict=True
    ):
        assert torch.equal(y[1:2], expected)


def test_bad_arguments_are_named(kernel):
    inputs = kernel.inputs(2, 5, 6)
    for name, x in inputs.items():
        argument, letters = name.rsplit("_", 1)
        shared = next(i for i, c in enumerate(letters) if sum(c in n.rsplit("_", 1)[1] for n in inputs) > 1)

        def call(replacement, name=name):
            kernel.function(*{**inputs, name: replacement}.values())

        with pytest.raises(TypeError, match=rf"{argument} must be a torch.Tensor; found list"):
            call(x.tolist())
        with pytest.raises(TypeError, match=rf"{argument} must be float32 or float64; found torch.bfloat16"):
            call(x.bfloat16())
        with pytest.raises(TypeError, match=rf"{argument} is on meta"):
            call(x.to("meta"))
        with pytest.raises(TypeError, match="use one type"):
            call(x.double())
        with pytest.raises(ValueError, match=rf"{argument} must have \d dimensions"):
            call(x[None])
        with pytest.raises(ValueError, match=r"is \d+ in .*, but \d+ in"):
            call(torch.cat([x, x], shared))


def test_inside_torch_compile(kernel):
    """A compiled graph holds the operator as it stands."""
    inputs = list(kernel.inputs(2, 5, 6).values())
    compiled = torch.compile(kernel.function, backend="aot_eager", fullgraph=True)
    for y, expected in zip(outputs(compiled, inputs), outputs(kernel.function, inputs), strict=True):
        assert torch.equal(y, expected)
