"""The short causal convolution of every channel with itself, and its SiLU, in one pass.

    p_t = bias + sum_k weight_k x_{t - K + 1 + k},   y_t = p_t sigmoid(p_t),   x before the start is 0

Shapes: B batch, N length, E channels, K taps.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.elementary import sigmoid

LANES = 64


def causal_convolution_silu(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    """Convolve each channel with its own taps, looking back only, and apply SiLU.

    **Arguments:** `x_BNE`: inputs; `weight_EK`: taps, the last one for the present (`Conv1d`'s weight without
    its middle dimension); `bias_E`. All float32 or all float64, on the CPU.

    **Returns:** `y_BNE`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("causal_convolution_silu", x_BNE=x_BNE, weight_EK=weight_EK, bias_E=bias_E)
    return _operator(x_BNE, weight_EK, bias_E)


def causal_convolution_silu_reference(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    """Do what `causal_convolution_silu` does, with shifted copies in PyTorch."""
    length, taps = x_BNE.shape[1], weight_EK.shape[1]
    padded = torch.nn.functional.pad(x_BNE, (0, 0, taps, 0))
    p_BNE = bias_E.expand_as(x_BNE)
    for k in range(taps):
        p_BNE = p_BNE + weight_EK[:, k] * padded[:, k + 1 : k + 1 + length]
    return torch.nn.functional.silu(p_BNE)


@torch.library.custom_op("resnetbk::causal_convolution_silu", mutates_args=())
def _operator(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    x, weight, bias = arrays(x_BNE, weight_EK.t(), bias_E)
    y = np.empty_like(x)
    _forward(x, weight, bias, y)
    return torch.from_numpy(y)


@_operator.register_fake
def _(x_BNE, weight_EK, bias_E):
    return torch.empty(x_BNE.shape, dtype=x_BNE.dtype)


@torch.library.custom_op("resnetbk::causal_convolution_silu_backward", mutates_args=())
def _adjoint(gy_BNE: Tensor, x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    gy, x, weight, bias = arrays(gy_BNE, x_BNE, weight_EK.t(), bias_E)
    gx, gweight, gbias = np.empty_like(x), np.empty_like(weight), np.empty_like(bias)
    _backward(gy, x, weight, bias, gx, gweight, gbias)
    return torch.from_numpy(gx), torch.from_numpy(np.ascontiguousarray(gweight.T)), torch.from_numpy(gbias)


@_adjoint.register_fake
def _(gy_BNE, x_BNE, weight_EK, bias_E):
    return tuple(torch.empty(x.shape, dtype=x.dtype) for x in (x_BNE, weight_EK, bias_E))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _gradients(ctx, gy_BNE):
    return _adjoint(gy_BNE, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)


@compiled
def _before_silu(x_BNE, weight_KE, bias_E, b, t, first, last, p):
    """Write p_t of channels first..last to `p`."""
    taps = weight_KE.shape[0]
    bias = bias_E[first:last]
    for j in range(last - first):
        p[j] = bias[j]
    for k in range(max(0, taps - 1 - t), taps):
        weight, x = weight_KE[k, first:last], x_BNE[b, t - taps + 1 + k, first:last]
        for j in range(last - first):
            p[j] += weight[j] * x[j]


@compiled
def _forward(x_BNE, weight_KE, bias_E, y_BNE):
    batch, length, width = x_BNE.shape
    p = np.zeros(LANES, x_BNE.dtype)
    for b in range(batch):
        for t in range(length):
            for first in range(0, width, LANES):
                last = min(first + LANES, width)
                _before_silu(x_BNE, weight_KE, bias_E, b, t, first, last, p)
                y = y_BNE[b, t, first:last]
                for j in range(last - first):
                    y[j] = p[j] * sigmoid(p[j])


@compiled
def _backward(gy_BNE, x_BNE, weight_KE, bias_E, gx_BNE, gweight_KE, gbias_E):
    batch, length, width = x_BNE.shape
    taps = weight_KE.shape[0]
    zero, one = x_BNE.dtype.type(0), x_BNE.dtype.type(1)
    p = np.zeros(LANES, x_BNE.dtype)
    gweight_KE[:] = zero
    gbias_E[:] = zero
    for b in range(batch):
        gx_BNE[b] = zero
        for t in range(length):
            for first in range(0, width, LANES):
                last = min(first + LANES, width)
                _before_silu(x_BNE, weight_KE, bias_E, b, t, first, last, p)
                gy, gbias = gy_BNE[b, t, first:last], gbias_E[first:last]
                for j in range(last - first):
                    gate = sigmoid(p[j])
                    p[j] = gy[j] * (gate * (one + p[j] * (one - gate)))
                for j in range(last - first):
                    gbias[j] += p[j]
                for k in range(max(0, taps - 1 - t), taps):
                    past = t - taps + 1 + k
                    weight, gweight = weight_KE[k, first:last], gweight_KE[k, first:last]
                    x, gx = x_BNE[b, past, first:last], gx_BNE[b, past, first:last]
                    for j in range(last - first):
                        gx[j] += weight[j] * p[j]
                    for j in range(last - first):
                        gweight[j] += p[j] * x[j]
