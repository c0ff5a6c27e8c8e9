"""`causal_convolution_silu` in Triton: a program takes STEPS steps of a sequence and LANES channels.

No step waits for another: neighbouring steps overlap in the cache. Backwards the gradient before SiLU is written
once, and read by a second kernel that convolves it towards the past.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, E channels, K taps, Q blocks of steps.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.elementary import silu, silu_slope
from resnetbk.kernels.triton.launch import LANES

STEPS = 32


def forward(x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> Tensor:
    """Return `y_BNE`."""
    x, weight, bias = x_BNE.contiguous(), weight_EK.t().contiguous(), bias_E.contiguous()
    y = torch.empty_like(x)
    grid, sizes = _launch(x, weight)
    with torch.cuda.device_of(x):
        _forward[grid](x, weight, bias, y, *sizes, num_warps=4)
    return y


def backward(gy_BNE: Tensor, x_BNE: Tensor, weight_EK: Tensor, bias_E: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return `(gx_BNE, gweight_EK, gbias_E)`."""
    gy, x, weight, bias = gy_BNE.contiguous(), x_BNE.contiguous(), weight_EK.t().contiguous(), bias_E.contiguous()
    grid, sizes = _launch(x, weight)
    gp, gx = torch.empty_like(x), torch.empty_like(x)
    gweight, gbias = x.new_empty(grid[0], grid[2], *weight.shape), x.new_empty(grid[0], grid[2], *bias.shape)
    with torch.cuda.device_of(x):
        _before_silu[grid](gy, x, weight, bias, gp, gweight, gbias, *sizes, num_warps=4)
        _towards_the_past[grid](gp, weight, gx, *sizes, num_warps=4)
    return gx, gweight.sum((0, 1)).t().contiguous(), gbias.sum((0, 1))


def _launch(x_BNE, weight_KE):
    """Return the grid and the kernels' last arguments."""
    batch, length, width = x_BNE.shape
    grid = batch, triton.cdiv(width, LANES), triton.cdiv(length, STEPS)
    return grid, (length, width, weight_KE.shape[0], STEPS, LANES)


@triton.jit
def _tile(length, width, STEPS: tl.constexpr, LANES: tl.constexpr):
    """Return a program's times, channels, and the place of channel e of the sequence's start."""
    t = tl.program_id(2) * STEPS + tl.arange(0, STEPS)[:, None]
    e = tl.program_id(1) * LANES + tl.arange(0, LANES)[None, :]
    return t, e, tl.program_id(0).to(tl.int64) * length * width + e


@triton.jit
def _convolved(x, weight, bias, t, e, at, length, width, TAPS: tl.constexpr):
    """Return p_t, which SiLU is applied to."""
    p_TE = tl.load(bias + e, e < width, 0) + tl.zeros(t.shape, x.dtype.element_ty)
    for k in tl.static_range(TAPS):
        past = t - TAPS + 1 + k
        inside = (past >= 0) & (past < length) & (e < width)
        p_TE += tl.load(weight + k * width + e, e < width, 0) * tl.load(x + at + past * width, inside, 0)
    return p_TE


@triton.jit
def _forward(x, weight, bias, y, length, width, TAPS: tl.constexpr, STEPS: tl.constexpr, LANES: tl.constexpr):
    t, e, at = _tile(length, width, STEPS, LANES)
    p_TE = _convolved(x, weight, bias, t, e, at, length, width, TAPS)
    tl.store(y + at + t * width, silu(p_TE), (t < length) & (e < width))


@triton.jit
def _before_silu(
    gy,
    x,
    weight,
    bias,
    gp,
    gweight_BQKE,
    gbias_BQE,
    length,
    width,
    TAPS: tl.constexpr,
    STEPS: tl.constexpr,
    LANES: tl.constexpr,
):
    t, e, at = _tile(length, width, STEPS, LANES)
    inside = (t < length) & (e < width)
    part = (tl.program_id(0).to(tl.int64) * tl.num_programs(2) + tl.program_id(2)) * width
    p_TE = _convolved(x, weight, bias, t, e, at, length, width, TAPS)
    gp_TE = tl.load(gy + at + t * width, inside, 0) * silu_slope(p_TE)
    tl.store(gp + at + t * width, gp_TE, inside)
    tl.store(gbias_BQE + part + e, tl.sum(gp_TE, 0, keep_dims=True), e < width)
    for k in tl.static_range(TAPS):
        past = t - TAPS + 1 + k
        x_TE = tl.load(x + at + past * width, inside & (past >= 0), 0)
        tl.store(gweight_BQKE + part * TAPS + k * width + e, tl.sum(gp_TE * x_TE, 0, keep_dims=True), e < width)


@triton.jit
def _towards_the_past(gp, weight, gx, length, width, TAPS: tl.constexpr, STEPS: tl.constexpr, LANES: tl.constexpr):
    t, e, at = _tile(length, width, STEPS, LANES)
    gx_TE = tl.zeros([STEPS, LANES], gp.dtype.element_ty)
    for k in tl.static_range(TAPS):
        later = t + TAPS - 1 - k
        gp_TE = tl.load(gp + at + later * width, (later < length) & (e < width), 0)
        gx_TE += tl.load(weight + k * width + e, e < width, 0) * gp_TE
    tl.store(gx + at + t * width, gx_TE, (t < length) & (e < width))
