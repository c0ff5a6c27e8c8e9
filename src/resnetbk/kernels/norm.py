"""RMS norm, skip and gate of a mixer's output in one pass over memory each way.

    y = (x r weight + skip u) silu(gate),   r = 1 / sqrt(mean_E(x^2) + epsilon),   silu(v) = v sigmoid(v)

Zhang and Sennrich, Root Mean Square Layer Normalization (2019), equation (4), between the scan and the gate of
Mamba's block.

Shapes: B batch, N length, E channels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled, inlined
from resnetbk.kernels.elementary import sigmoid
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row, sum_of_rows

LANES = 64  # part of the bits: the order in which a row is summed


def gated_rms_norm(
    x_BNE: Tensor, u_BNE: Tensor, gate_BNE: Tensor, weight_E: Tensor, skip_E: Tensor, epsilon: float
) -> Tensor:
    """Normalise a mixer's output, add its skipped input and gate the sum.

    **Arguments:** `x_BNE`: the output; `u_BNE`: the mixer's input; `gate_BNE`: the gate, before SiLU;
    `weight_E`: the norm's gain; `skip_E`: the skip's; `epsilon`: added under the root, > 0. All tensors float32
    or all float64, on one device.

    **Returns:** `y_BNE` = (rms_norm(x) weight + skip u) silu(gate), of the same type. Gradients reach every
    tensor.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments(
        "gated_rms_norm", x_BNE=x_BNE, u_BNE=u_BNE, gate_BNE=gate_BNE, weight_E=weight_E, skip_E=skip_E
    )
    if selected(x_BNE) == "reference":
        return gated_rms_norm_reference(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon)
    return _operator(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon)


def gated_rms_norm_reference(
    x_BNE: Tensor, u_BNE: Tensor, gate_BNE: Tensor, weight_E: Tensor, skip_E: Tensor, epsilon: float
) -> Tensor:
    """Do what `gated_rms_norm` does, one operation at a time in PyTorch."""
    r_BN1 = torch.rsqrt(x_BNE.square().mean(-1, keepdim=True) + epsilon)
    return (x_BNE * r_BN1 * weight_E + skip_E * u_BNE) * torch.nn.functional.silu(gate_BNE)


@torch.library.custom_op("resnetbk::gated_rms_norm", mutates_args=())
def _operator(
    x_BNE: Tensor, u_BNE: Tensor, gate_BNE: Tensor, weight_E: Tensor, skip_E: Tensor, epsilon: float
) -> Tensor:
    if selected(x_BNE) == "triton":
        from resnetbk.kernels.triton import norm as triton

        return triton.forward(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon)
    y_BNE = x_BNE.new_empty(x_BNE.shape)
    x, u, gate, weight, skip, y = arrays(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, y_BNE)
    each_row(lambda b: _forward(x[b], u[b], gate[b], weight, skip, x.dtype.type(epsilon), y[b]), len(x))
    return y_BNE


@_operator.register_fake
def _(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon):
    return x_BNE.new_empty(x_BNE.shape)


@torch.library.custom_op("resnetbk::gated_rms_norm_backward", mutates_args=())
def _adjoint(
    gy_BNE: Tensor,
    x_BNE: Tensor,
    u_BNE: Tensor,
    gate_BNE: Tensor,
    weight_E: Tensor,
    skip_E: Tensor,
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    if selected(x_BNE) == "triton":
        from resnetbk.kernels.triton import norm as triton

        return triton.backward(gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon)
    gx_BNE, gu_BNE, ggate_BNE = (v.new_empty(v.shape) for v in (x_BNE, u_BNE, gate_BNE))
    gy, x, u, gate, weight, skip, gx, gu, ggate = arrays(
        gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E, gx_BNE, gu_BNE, ggate_BNE
    )
    gweight, gskip = np.zeros((2, len(x), *weight.shape), x.dtype)
    each_row(
        lambda b: _backward(
            *(gy[b], x[b], u[b], gate[b], weight, skip, x.dtype.type(epsilon)),
            *(gx[b], gu[b], ggate[b], gweight[b], gskip[b]),
        ),
        len(x),
    )
    return gx_BNE, gu_BNE, ggate_BNE, torch.from_numpy(sum_of_rows(gweight)), torch.from_numpy(sum_of_rows(gskip))


@_adjoint.register_fake
def _(gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon):
    return tuple(v.new_empty(v.shape) for v in (x_BNE, u_BNE, gate_BNE, weight_E, skip_E))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:-1])
    ctx.epsilon = inputs[-1]


def _gradients(ctx, gy_BNE):
    return *_adjoint(gy_BNE, *ctx.saved_tensors, ctx.epsilon), None


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("gated_rms_norm")


@inlined
def _dot(x, y, part):
    """Sum x y over a row in one fixed order: lane by lane, then lanes by halves; `part` is a row of LANES."""
    part[:] = part.dtype.type(0)
    for first in range(0, x.shape[0], LANES):
        last = min(first + LANES, x.shape[0])
        a, b = x[first:last], y[first:last]
        for j in range(last - first):
            part[j] += a[j] * b[j]
    for j in range(16):
        part[j] = (part[j] + part[j + 32]) + (part[j + 16] + part[j + 48])
    for j in range(4):
        part[j] = (part[j] + part[j + 8]) + (part[j + 4] + part[j + 12])
    return (part[0] + part[2]) + (part[1] + part[3])


@inlined
def _inverse_root_mean_square(x, epsilon, part):
    one = x.dtype.type(1)
    return one / math.sqrt(_dot(x, x, part) / x.dtype.type(x.shape[0]) + epsilon)


@compiled
def _forward(x_NE, u_NE, gate_NE, weight_E, skip_E, epsilon, y_NE):
    length, width = x_NE.shape
    part = np.empty(LANES, x_NE.dtype)
    for t in range(length):
        x, u, gate, y = x_NE[t], u_NE[t], gate_NE[t], y_NE[t]
        r = _inverse_root_mean_square(x, epsilon, part)
        for e in range(width):
            y[e] = (x[e] * r * weight_E[e] + skip_E[e] * u[e]) * (gate[e] * sigmoid(gate[e]))


@compiled
def _backward(gy_NE, x_NE, u_NE, gate_NE, weight_E, skip_E, epsilon, gx_NE, gu_NE, ggate_NE, gweight_E, gskip_E):
    length, width = x_NE.shape
    one = x_NE.dtype.type(1)
    part = np.empty(LANES, x_NE.dtype)
    for t in range(length):
        gy, x, u, gate = gy_NE[t], x_NE[t], u_NE[t], gate_NE[t]
        gx, gu, ggate = gx_NE[t], gu_NE[t], ggate_NE[t]
        r = _inverse_root_mean_square(x, epsilon, part)
        for e in range(width):
            normal, open_ = x[e] * r, sigmoid(gate[e])
            ggate[e] = (
                gy[e] * (normal * weight_E[e] + skip_E[e] * u[e]) * (open_ * (one + gate[e] * (one - open_)))
            )
            gsum = gy[e] * (gate[e] * open_)  # of the sum of norm and skip
            gu[e] = gsum * skip_E[e]
            gskip_E[e] += gsum * u[e]
            gweight_E[e] += gsum * normal
            gx[e] = gsum * weight_E[e]  # of the norm, for now
        mean = _dot(gx, x, part) / x_NE.dtype.type(width) * (r * r)
        for e in range(width):
            gx[e] = r * (gx[e] - x[e] * mean)
