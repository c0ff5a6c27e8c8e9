"""`linear_recurrence` in Triton: a program takes a sequence and LANES channels, and walks through time.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, E channels.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.launch import LANES, STAGES


def forward(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    """Return `s_BNE`."""
    u, alpha = u_BNE.contiguous(), alpha_BNE.contiguous()
    s = torch.empty_like(u)
    batch, length, width = u.shape
    with torch.cuda.device_of(u):
        _forward[batch, triton.cdiv(width, LANES)](u, alpha, s, length, width, LANES, STAGES, num_warps=1)
    return s


def backward(gs_BNE: Tensor, alpha_BNE: Tensor, s_BNE: Tensor) -> tuple[Tensor, Tensor]:
    """Return `(gu_BNE, galpha_BNE)`."""
    gs, alpha, s = gs_BNE.contiguous(), alpha_BNE.contiguous(), s_BNE.contiguous()
    gu, galpha = torch.empty_like(s), torch.empty_like(s)
    batch, length, width = s.shape
    with torch.cuda.device_of(s):
        _backward[batch, triton.cdiv(width, LANES)](
            gs, alpha, s, gu, galpha, length, width, LANES, STAGES, num_warps=1
        )
    return gu, galpha


@triton.jit
def _forward(u, alpha, s, length, width, LANES: tl.constexpr, STAGES: tl.constexpr):
    e = tl.program_id(1) * LANES + tl.arange(0, LANES)
    inside = e < width
    at = tl.program_id(0).to(tl.int64) * length * width + e
    s_E = tl.zeros([LANES], s.dtype.element_ty)
    for _ in tl.range(length, num_stages=STAGES):
        s_E = tl.load(alpha + at, inside, 0) * s_E + tl.load(u + at, inside, 0)
        tl.store(s + at, s_E, inside)
        at += width


@triton.jit
def _backward(gs, alpha, s, gu, galpha, length, width, LANES: tl.constexpr, STAGES: tl.constexpr):
    e = tl.program_id(1) * LANES + tl.arange(0, LANES)
    inside = e < width
    at = (tl.program_id(0).to(tl.int64) + 1) * length * width + e
    carry_E = tl.zeros([LANES], s.dtype.element_ty)
    for i in tl.range(length, num_stages=STAGES):
        at -= width
        gu_E = tl.load(gs + at, inside, 0) + carry_E
        past_E = tl.load(s + at - width, inside & (i < length - 1), 0)
        carry_E = tl.load(alpha + at, inside, 0) * gu_E
        tl.store(gu + at, gu_E, inside)
        tl.store(galpha + at, gu_E * past_E, inside)
