"""`gated_rms_norm` in Triton: a program takes whole rows, one forwards, and ROWS in turn backwards.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, E channels; Q blocks of ROWS rows.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.elementary import silu, silu_slope
from resnetbk.kernels.triton.launch import tile

ROWS = 16  # the partial sums of gweight and gskip are this much smaller than x


def forward(
    x_BNE: Tensor, u_BNE: Tensor, gate_BNE: Tensor, weight_E: Tensor, skip_E: Tensor, epsilon: float
) -> Tensor:
    """Return `y_BNE`."""
    x, u, gate, weight, skip = (v.contiguous() for v in (x_BNE, u_BNE, gate_BNE, weight_E, skip_E))
    y = torch.empty_like(x)
    batch, length, width = x.shape
    LANES = tile(width)
    with torch.cuda.device_of(x):
        _forward[(batch * length,)](x, u, gate, weight, skip, y, width, epsilon, LANES, num_warps=_warps(LANES))
    return y


def backward(
    gy_BNE: Tensor,
    x_BNE: Tensor,
    u_BNE: Tensor,
    gate_BNE: Tensor,
    weight_E: Tensor,
    skip_E: Tensor,
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return `(gx_BNE, gu_BNE, ggate_BNE, gweight_E, gskip_E)`."""
    gy, x, u, gate, weight, skip = (v.contiguous() for v in (gy_BNE, x_BNE, u_BNE, gate_BNE, weight_E, skip_E))
    batch, length, width = x.shape
    LANES = tile(width)
    blocks = triton.cdiv(batch * length, ROWS)
    gx, gu, ggate = (torch.empty_like(x) for _ in range(3))
    gweight, gskip = x.new_empty(blocks, width), x.new_empty(blocks, width)
    with torch.cuda.device_of(x):
        _backward[(blocks,)](
            *(gy, x, u, gate, weight, skip, gx, gu, ggate, gweight, gskip),
            *(batch * length, width, epsilon, ROWS, LANES),
            num_warps=_warps(LANES),
        )
    return gx, gu, ggate, gweight.sum(0), gskip.sum(0)


def _warps(lanes: int) -> int:
    """Return as many warps as leave a thread 8 channels, up to 8."""
    return min(max(lanes // 256, 1), 8)


@triton.jit
def _inverse_root_mean_square(x_E, width, epsilon):
    return 1 / tl.sqrt(tl.sum(x_E * x_E) / width + epsilon)


@triton.jit
def _forward(x, u, gate, weight, skip, y, width, epsilon: tl.constexpr, LANES: tl.constexpr):
    e = tl.arange(0, LANES)
    inside = e < width
    at = tl.program_id(0).to(tl.int64) * width + e
    x_E = tl.load(x + at, inside, 0)
    r = _inverse_root_mean_square(x_E, width, epsilon)
    y_E = x_E * r * tl.load(weight + e, inside, 0) + tl.load(skip + e, inside, 0) * tl.load(u + at, inside, 0)
    tl.store(y + at, y_E * silu(tl.load(gate + at, inside, 0)), inside)


@triton.jit
def _backward(
    gy,
    x,
    u,
    gate,
    weight,
    skip,
    gx,
    gu,
    ggate,
    gweight_QE,
    gskip_QE,
    rows,
    width,
    epsilon: tl.constexpr,
    ROWS: tl.constexpr,
    LANES: tl.constexpr,
):
    q = tl.program_id(0).to(tl.int64)
    e = tl.arange(0, LANES)
    inside = e < width
    weight_E, skip_E = tl.load(weight + e, inside, 0), tl.load(skip + e, inside, 0)
    gweight_E = tl.zeros([LANES], x.dtype.element_ty)
    gskip_E = tl.zeros([LANES], x.dtype.element_ty)
    for row in range(q * ROWS, tl.minimum((q + 1) * ROWS, rows)):
        at = row * width + e
        gy_E, x_E = tl.load(gy + at, inside, 0), tl.load(x + at, inside, 0)
        u_E, gate_E = tl.load(u + at, inside, 0), tl.load(gate + at, inside, 0)
        r = _inverse_root_mean_square(x_E, width, epsilon)
        normal_E = x_E * r
        tl.store(ggate + at, gy_E * (normal_E * weight_E + skip_E * u_E) * silu_slope(gate_E), inside)
        gsum_E = gy_E * silu(gate_E)
        tl.store(gu + at, gsum_E * skip_E, inside)
        gskip_E += gsum_E * u_E
        gweight_E += gsum_E * normal_E
        gnormal_E = gsum_E * weight_E
        tl.store(gx + at, r * (gnormal_E - normal_E * (tl.sum(gnormal_E * normal_E) / width)), inside)
    tl.store(gweight_QE + q * width + e, gweight_E, inside)
    tl.store(gskip_QE + q * width + e, gskip_E, inside)
