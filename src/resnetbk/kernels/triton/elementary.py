"""Elementwise functions that overflow nowhere, for use inside kernels; `v` is any tensor of floats."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def sigmoid(v):
    small = tl.exp(-tl.abs(v))
    return tl.where(v >= 0, 1, small) / (1 + small)


@triton.jit
def softplus(v):
    """log(1 + e^v) = max(v, 0) + log(1 + small), where Kahan's quotient undoes the rounding of 1 + small."""
    small = tl.exp(-tl.abs(v))
    rounded = (1 + small) - 1
    quotient = small / tl.where(rounded == 0, 1, rounded)
    return tl.maximum(v, 0) + tl.where(rounded == 0, small, tl.log(1 + small) * quotient)


@triton.jit
def silu(v):
    return v * sigmoid(v)


@triton.jit
def silu_slope(v):
    s = sigmoid(v)
    return s * (1 + v * (1 - s))
