"""RMS norm, skip and gate of a mixer's output in one pass over memory each way.

    y = (x r weight + skip u) silu(gate),   r = 1 / sqrt(mean_E(x^2) + epsilon),   silu(v) = v sigmoid(v)

Zhang and Sennrich, Root Mean Square Layer Normalization (2019), equation (4), between the scan and the gate of
Mamba's block. On one thread these elementwise steps, apart, cost as much as the scans.

Shapes: B batch, N length, E channels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.elementary import sigmoid

LANES = 64  # part of the bits: the order in which a row is summed


def gated_rms_norm(
    x_BNE: Tensor, u_BNE: Tensor, gate_BNE: Tensor, weight_E: Tensor, skip_E: Tensor, epsilon: float
) -> Tensor:
    """Normalise a mixer's output, add its skipped input and gate the sum.

    **Arguments:** `x_BNE`: the output; `u_BNE`: the mixer's input; `gate_BNE`: the gate, before SiLU;
    `weight_E`: the norm's gain; `skip_E`: the skip's; `epsilon`: added under the root, > 0. All tensors float32
    or all float64, on the CPU.

    **Returns:** `y_BNE` = (rms_norm(x) weight + skip u) silu(gate), of the same type. Gradients reach every
    tensor.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments(
        "gated_rms_norm", x_BNE=x_BNE, u_BNE=u_BNE, gate_BNE=gate_BNE, weight_E=weight_E, skip_E=skip_E
    )
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
    x, u, gate, weight, skip = arrays(x_BNE, u_BNE, gate_BNE, weight_E, skip_E)
    y = np.empty_like(x)
    _forward(x, u, gate, weight, skip, x.dtype.type(epsilon), y)
    return torch.from_numpy(y)


@_operator.register_fake
def _(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon):
    return torch.empty(x_BNE.shape, dtype=x_BNE.dtype)


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
    gy, x, u, gate, weight, skip = arrays(gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E)
    gx, gu, ggate, gweight, gskip = (np.empty_like(v) for v in (x, u, gate, weight, skip))
    _backward(gy, x, u, gate, weight, skip, x.dtype.type(epsilon), gx, gu, ggate, gweight, gskip)
    gx, gu, ggate, gweight, gskip = (torch.from_numpy(v) for v in (gx, gu, ggate, gweight, gskip))
    return gx, gu, ggate, gweight, gskip


@_adjoint.register_fake
def _(gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon):
    return tuple(torch.empty(v.shape, dtype=v.dtype) for v in (x_BNE, u_BNE, gate_BNE, weight_E, skip_E))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:-1])
    ctx.epsilon = inputs[-1]


def _gradients(ctx, gy_BNE):
    return *_adjoint(gy_BNE, *ctx.saved_tensors, ctx.epsilon), None


_operator.register_autograd(_gradients, setup_context=_save)


@compiled
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


@compiled
def _inverse_root_mean_square(x, epsilon, part):
    one = x.dtype.type(1)
    return one / math.sqrt(_dot(x, x, part) / x.dtype.type(x.shape[0]) + epsilon)


@compiled
def _forward(x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon, y_BNE):
    batch, length, width = x_BNE.shape
    part = np.empty(LANES, x_BNE.dtype)
    for b in range(batch):
        for t in range(length):
            x, u, gate, y = x_BNE[b, t], u_BNE[b, t], gate_BNE[b, t], y_BNE[b, t]
            r = _inverse_root_mean_square(x, epsilon, part)
            for e in range(width):
                y[e] = (x[e] * r * weight_E[e] + skip_E[e] * u[e]) * (gate[e] * sigmoid(gate[e]))


@compiled
def _backward(
    gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E, epsilon, gx_BNE, gu_BNE, ggate_BNE, gweight_E, gskip_E
):
    batch, length, width = x_BNE.shape
    zero, one = x_BNE.dtype.type(0), x_BNE.dtype.type(1)
    part = np.empty(LANES, x_BNE.dtype)
    gweight_E[:] = zero
    gskip_E[:] = zero
    for b in range(batch):
        for t in range(length):
            gy, x, u, gate = gy_BNE[b, t], x_BNE[b, t], u_BNE[b, t], gate_BNE[b, t]
            gx, gu, ggate = gx_BNE[b, t], gu_BNE[b, t], ggate_BNE[b, t]
            r = _inverse_root_mean_square(x, epsilon, part)
            for e in range(width):
                y = x[e] * r * weight_E[e] + skip_E[e] * u[e]
                s = sigmoid(gate[e])
                ggate[e] = gy[e] * y * (s * (one + gate[e] * (one - s)))
            for e in range(width):
                gx[e] = gy[e] * (gate[e] * sigmoid(gate[e]))  # of the sum of norm and skip, for now
            for e in range(width):
                gu[e] = gx[e] * skip_E[e]
            for e in range(width):
                gskip_E[e] += gx[e] * u[e]
            for e in range(width):
                gweight_E[e] += gx[e] * (x[e] * r)
            for e in range(width):
                gx[e] *= weight_E[e]
            mean = _dot(gx, x, part) / x_BNE.dtype.type(width) * (r * r)
            for e in range(width):
                gx[e] = r * (gx[e] - x[e] * mean)
