"""The short causal convolution of every channel with itself, and its SiLU, in one pass.

    p_t = bias + sum_k weight_k x_{t - K + 1 + k},   y_t = p_t sigmoid(p_t),   x before the start is 0

Shapes: B batch, N length, E channels, K taps.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.compilation import compiled, inlined
from resnetbk.kernels.elementary import sigmoid
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row, sum_of_rows


def causal_convolution_silu(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    """Convolve each channel with its own taps, looking back only, and apply SiLU.

    **Arguments:** `x_BNE`: inputs; `weight_EK`: taps, the last one for the present (`Conv1d`'s weight without
    its middle dimension); `bias_E`. All float32 or all float64, on one device.

    **Returns:** `y_BNE`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("causal_convolution_silu", x_BNE=x_BNE, weight_EK=weight_EK, bias_E=bias_E)
    if selected(x_BNE) == "reference":
        return causal_convolution_silu_reference(x_BNE, weight_EK, bias_E)
    return _operator(x_BNE, weight_EK, bias_E)


def causal_convolution_silu_from_state(
    x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor, state: tuple[Tensor]
) -> tuple[Tensor, tuple[Tensor]]:
    """Go on with `causal_convolution_silu` from a state, for inference.

    **Arguments:** those of `causal_convolution_silu`; `state`: `(x_BKE,)`, the inputs that came before, oldest
    first, shape [B, taps - 1, E], or zeros.

    **Returns:** `(y_BNE, state)`. The state given is left as it is.

    **Raises:** as `causal_convolution_silu`; `ValueError` when a gradient is asked for or the state is not one
    shorter than the taps.
    """
    (past_BJE,) = state
    name = "causal_convolution_silu_from_state"
    check_inference(name, x_BNE=x_BNE, weight_EK=weight_EK, bias_E=bias_E, state_BJE=past_BJE)
    if past_BJE.shape[1] != weight_EK.shape[1] - 1:
        raise ValueError(
            f"{name}: the state holds {past_BJE.shape[1]} inputs; expected {weight_EK.shape[1] - 1}, "
            "one less than the taps"
        )
    run = _run if selected(x_BNE) == "numba" else _reference
    later_BJE = torch.cat((past_BJE, x_BNE), 1)[:, x_BNE.shape[1] :].clone()
    return run(x_BNE, weight_EK, bias_E, past_BJE), (later_BJE,)


def causal_convolution_silu_reference(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    """Do what `causal_convolution_silu` does, with shifted copies in PyTorch."""
    return _reference(x_BNE, weight_EK, bias_E, _no_past(x_BNE, weight_EK))


def _reference(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor, past_BJE: Tensor) -> Tensor:
    whole = torch.cat((past_BJE, x_BNE), 1)
    p_BNE = bias_E.expand_as(x_BNE)
    for k in range(weight_EK.shape[1]):
        p_BNE = p_BNE + weight_EK[:, k] * whole[:, k : k + x_BNE.shape[1]]
    return torch.nn.functional.silu(p_BNE)


def _no_past(x_BNE: Tensor, weight_EK: Tensor) -> Tensor:
    return x_BNE.new_zeros(x_BNE.shape[0], weight_EK.shape[1] - 1, x_BNE.shape[2])


@torch.library.custom_op("resnetbk::causal_convolution_silu", mutates_args=())
def _operator(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    if selected(x_BNE) == "triton":
        from resnetbk.kernels.triton import convolution as triton

        return triton.forward(x_BNE, weight_EK, bias_E)
    return _run(x_BNE, weight_EK, bias_E, _no_past(x_BNE, weight_EK))


def _run(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor, past_BJE: Tensor) -> Tensor:
    y_BNE = x_BNE.new_empty(x_BNE.shape)
    x, weight, bias, past, y = arrays(x_BNE, weight_EK.t(), bias_E, past_BJE, y_BNE)
    each_row(lambda b: _forward(x[b], weight, bias, past[b], y[b]), len(x))
    return y_BNE


@_operator.register_fake
def _(x_BNE, weight_EK, bias_E):
    return x_BNE.new_empty(x_BNE.shape)


@torch.library.custom_op("resnetbk::causal_convolution_silu_backward", mutates_args=())
def _adjoint(gy_BNE: Tensor, x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if selected(x_BNE) == "triton":
        from resnetbk.kernels.triton import convolution as triton

        return triton.backward(gy_BNE, x_BNE, weight_EK, bias_E)
    gx_BNE = x_BNE.new_zeros(x_BNE.shape)
    gy, x, weight, bias, past, gx = arrays(
        gy_BNE, x_BNE, weight_EK.t(), bias_E, _no_past(x_BNE, weight_EK), gx_BNE
    )
    gweight, gbias = np.zeros((len(x), *weight.shape), x.dtype), np.zeros((len(x), *bias.shape), x.dtype)
    each_row(lambda b: _backward(gy[b], x[b], weight, bias, past[b], gx[b], gweight[b], gbias[b]), len(x))
    gweight_EK = torch.from_numpy(np.ascontiguousarray(sum_of_rows(gweight).T))
    return gx_BNE, gweight_EK, torch.from_numpy(sum_of_rows(gbias))


@_adjoint.register_fake
def _(gy_BNE, x_BNE, weight_EK, bias_E):
    return tuple(x.new_empty(x.shape) for x in (x_BNE, weight_EK, bias_E))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _gradients(ctx, gy_BNE):
    return _adjoint(gy_BNE, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("causal_convolution_silu")


@inlined
def _before_silu(x_NE, weight_KE, bias_E, past_JE, t, p_E):
    earlier = past_JE.shape[0]
    for e in range(p_E.shape[0]):
        p_E[e] = bias_E[e]
    for k in range(earlier + 1):
        _add_product(p_E, weight_KE[k], x_NE[t + k - earlier] if t + k >= earlier else past_JE[t + k])


@inlined
def _add_product(y_E, a_E, b_E):
    for e in range(y_E.shape[0]):
        y_E[e] += a_E[e] * b_E[e]


@compiled
def _forward(x_NE, weight_KE, bias_E, past_JE, y_NE):
    for t in range(x_NE.shape[0]):
        y_E = y_NE[t]
        _before_silu(x_NE, weight_KE, bias_E, past_JE, t, y_E)
        for e in range(y_E.shape[0]):
            y_E[e] = y_E[e] * sigmoid(y_E[e])


@compiled
def _backward(gy_NE, x_NE, weight_KE, bias_E, past_JE, gx_NE, gweight_KE, gbias_E):
    length, width = x_NE.shape
    earlier = past_JE.shape[0]
    p_E = np.empty(width, x_NE.dtype)
    for t in range(length):
        _before_silu(x_NE, weight_KE, bias_E, past_JE, t, p_E)
        _through_silu(gy_NE[t], p_E, gbias_E)
        for k in range(max(0, earlier - t), earlier + 1):
            _add_product(gx_NE[t + k - earlier], weight_KE[k], p_E)
            _add_product(gweight_KE[k], x_NE[t + k - earlier], p_E)


@inlined
def _through_silu(gy_E, p_E, gbias_E):
    """Turn p into the cotangent of p, and add it to the bias's."""
    one = p_E.dtype.type(1)
    for e in range(p_E.shape[0]):
        gate = sigmoid(p_E[e])
        gp = gy_E[e] * (gate * (one + p_E[e] * (one - gate)))
        p_E[e] = gp
        gbias_E[e] += gp
