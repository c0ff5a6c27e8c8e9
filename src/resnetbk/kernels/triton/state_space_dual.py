"""`state_space_dual` in Triton, in its dual form: matrix products within a chunk, a recurrence between chunks.

With a = dt A, L_tv = exp(a_{v+1} + ... + a_t) for v <= t, and h the state before the chunk,

    y = (L * C B^T) (dt x) + exp(a_0 + ... + a_t) C h^T + D x

Dao and Gu, Transformers are SSMs (2024), section 6. First `chunks.py` walks through the chunks; then each of them,
for a head and a tile of its channels, is a program of its own. The adjoint does the same. Sums of `a` are taken
over each range, never as differences of cumulative sums, which would cancel.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, H heads, P channels of a head, G groups, S states a channel, K chunks, T and V steps of
a chunk, Q blocks of channels.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.chunks import CHANNELS, WARPS, between_chunks, decays, dot, sizes


def forward(
    x_BNHP: Tensor, dt_BNH: Tensor, A_H: Tensor, B_BNGS: Tensor, C_BNGS: Tensor, D_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Return `(y_BNHP, start_BKSHP)`, the states before every CHUNK-th step."""
    x, dt, A, B, C, D = (v.contiguous() for v in (x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H))
    y, start = torch.empty_like(x), between_chunks(x, dt, A, B, reverse=False)
    grid = start.shape[0] * start.shape[1], x.shape[2], triton.cdiv(x.shape[3], CHANNELS)
    with torch.cuda.device_of(x):
        _forward[grid](x, dt, A, B, C, D, start, y, *sizes(x, B), num_warps=WARPS)
    return y, start


def backward(
    gy_BNHP: Tensor,
    x_BNHP: Tensor,
    dt_BNH: Tensor,
    A_H: Tensor,
    B_BNGS: Tensor,
    C_BNGS: Tensor,
    D_H: Tensor,
    start_BKSHP: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients `(gx_BNHP, gdt_BNH, gA_H, gB_BNGS, gC_BNGS, gD_H)`."""
    gy, x, dt, A, B, C, D, start = (
        v.contiguous() for v in (gy_BNHP, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, start_BKSHP)
    )
    gend = between_chunks(gy, dt, A, C, reverse=True)
    batch, length, heads, channels = x.shape
    groups, states = B.shape[2:]
    grid = batch * start.shape[1], heads, triton.cdiv(channels, CHANNELS)
    gx, gdt = torch.empty_like(x), x.new_empty(grid[2], batch, length, heads)
    gB, gC = (x.new_empty(grid[2], batch, length, groups, heads // groups, states) for _ in range(2))
    gA, gD = (x.new_empty(grid[2], grid[0], heads) for _ in range(2))
    with torch.cuda.device_of(x):
        _backward[grid](gy, x, dt, A, B, C, D, start, gend, gx, gdt, gA, gB, gC, gD, *sizes(x, B), num_warps=WARPS)
    return gx, gdt.sum(0), gA.sum((0, 1)), gB.sum((0, 4)), gC.sum((0, 4)), gD.sum((0, 1))


@triton.jit
def _forward(
    x,
    dt,
    A,
    B,
    C,
    D,
    start_BKSHP,
    y,
    length,
    heads,
    channels,
    groups,
    states,
    CHUNK: tl.constexpr,
    CHANNELS: tl.constexpr,
    STATES: tl.constexpr,
):
    chunks = tl.cdiv(length, CHUNK)
    b, h = (tl.program_id(0) // chunks).to(tl.int64), tl.program_id(1)
    group = h // (heads // groups)
    t = (tl.program_id(0) % chunks) * CHUNK + tl.arange(0, CHUNK)
    p = tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS)
    inside, has_channel, row = t < length, p < channels, b * length + t
    inside_TP = inside[:, None] & has_channel[None, :]
    at = ((row * heads + h) * channels)[:, None] + p[None, :]
    x_TP, dt_T = tl.load(x + at, inside_TP, 0), tl.load(dt + row * heads + h, inside, 0)
    L_TV, from_start_T, _, _ = decays(dt_T * tl.load(A + h), CHUNK)
    scores_TV = tl.zeros([CHUNK, CHUNK], x.dtype.element_ty)
    y_TP = tl.zeros([CHUNK, CHANNELS], x.dtype.element_ty)
    for first in range(0, states, STATES):
        s = first + tl.arange(0, STATES)
        inside_TS = inside[:, None] & (s < states)[None, :]
        at_group = ((row * groups + group) * states)[:, None] + s[None, :]
        at_state = ((tl.program_id(0).to(tl.int64) * states + s[:, None]) * heads + h) * channels + p[None, :]
        B_TS, C_TS = tl.load(B + at_group, inside_TS, 0), tl.load(C + at_group, inside_TS, 0)
        h_SP = tl.load(start_BKSHP + at_state, (s < states)[:, None] & has_channel[None, :], 0)
        scores_TV += dot(C_TS, tl.trans(B_TS))
        y_TP += dot(C_TS, h_SP)
    # A product adds 0 times later inputs to earlier steps: NaN and inf are left out, and passed on in time alone.
    later, earlier = tl.arange(0, CHUNK)[:, None], tl.arange(0, CHUNK)[None, :]
    scores_TV = tl.where(later >= earlier, L_TV * scores_TV, 0)
    input_TP = dt_T[:, None] * x_TP
    nothing_TP = input_TP - input_TP
    y_TP = from_start_T[:, None] * y_TP + dot(scores_TV, tl.where(nothing_TP == 0, input_TP, 0))
    tl.store(y + at, y_TP + tl.cumsum(nothing_TP, 0) + tl.load(D + h) * x_TP, inside_TP)


@triton.jit
def _backward(
    gy,
    x,
    dt,
    A,
    B,
    C,
    D,
    start_BKSHP,
    gend_BKSHP,
    gx,
    gdt_QBNH,
    gA_QBKH,
    gB_QBNHS,
    gC_QBNHS,
    gD_QBKH,
    length,
    heads,
    channels,
    groups,
    states,
    CHUNK: tl.constexpr,
    CHANNELS: tl.constexpr,
    STATES: tl.constexpr,
):
    chunks = tl.cdiv(length, CHUNK)
    b, h, q = (tl.program_id(0) // chunks).to(tl.int64), tl.program_id(1), tl.program_id(2).to(tl.int64)
    group = h // (heads // groups)
    t = (tl.program_id(0) % chunks) * CHUNK + tl.arange(0, CHUNK)
    p = tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS)
    inside, has_channel, row = t < length, p < channels, b * length + t
    inside_TP = inside[:, None] & has_channel[None, :]
    at = ((row * heads + h) * channels)[:, None] + p[None, :]
    at_sum = ((q * (tl.num_programs(0) // chunks) + b) * length + t) * heads + h
    at_total = (q * tl.num_programs(0) + tl.program_id(0)) * heads + h
    A_h, D_h = tl.load(A + h), tl.load(D + h)
    gy_TP, x_TP = tl.load(gy + at, inside_TP, 0), tl.load(x + at, inside_TP, 0)
    dt_T = tl.load(dt + row * heads + h, inside, 0)
    L_TV, from_start_T, to_end_T, whole = decays(dt_T * A_h, CHUNK)
    input_TP = dt_T[:, None] * x_TP
    product_TV = L_TV * dot(gy_TP, tl.trans(input_TP))  # the gradient of C B^T

    scores_TV = tl.zeros([CHUNK, CHUNK], x.dtype.element_ty)
    ginput_TP = tl.zeros([CHUNK, CHANNELS], x.dtype.element_ty)
    past_T, future_T = tl.zeros([CHUNK], x.dtype.element_ty), tl.zeros([CHUNK], x.dtype.element_ty)
    through_S = tl.zeros([STATES], x.dtype.element_ty)
    for first in range(0, states, STATES):
        s = first + tl.arange(0, STATES)
        inside_TS = inside[:, None] & (s < states)[None, :]
        inside_SP = (s < states)[:, None] & has_channel[None, :]
        at_group = ((row * groups + group) * states)[:, None] + s[None, :]
        at_state = ((tl.program_id(0).to(tl.int64) * states + s[:, None]) * heads + h) * channels + p[None, :]
        B_TS, C_TS = tl.load(B + at_group, inside_TS, 0), tl.load(C + at_group, inside_TS, 0)
        h_SP, gh_SP = tl.load(start_BKSHP + at_state, inside_SP, 0), tl.load(gend_BKSHP + at_state, inside_SP, 0)
        past_TS = from_start_T[:, None] * dot(gy_TP, tl.trans(h_SP))
        future_TS = to_end_T[:, None] * dot(input_TP, tl.trans(gh_SP))
        at_part = at_sum[:, None] * states + s[None, :]
        tl.store(gC_QBNHS + at_part, dot(product_TV, B_TS) + past_TS, inside_TS)
        tl.store(gB_QBNHS + at_part, dot(tl.trans(product_TV), C_TS) + future_TS, inside_TS)
        scores_TV += dot(C_TS, tl.trans(B_TS))
        ginput_TP += dot(B_TS, gh_SP)
        past_T += tl.sum(past_TS * C_TS, 1)
        future_T += tl.sum(future_TS * B_TS, 1)
        through_S += tl.sum(h_SP * gh_SP, 1)
    ginput_TP = to_end_T[:, None] * ginput_TP + dot(tl.trans(L_TV * scores_TV), gy_TP)
    tl.store(gx + at, dt_T[:, None] * ginput_TP + D_h * gy_TP, inside_TP)

    # a_t is in the exponent of every decay from before step t to step t or later.
    later, earlier = tl.arange(0, CHUNK)[:, None], tl.arange(0, CHUNK)[None, :]
    ga_T = tl.sum(tl.where(later > earlier, tl.cumsum(scores_TV * product_TV, 0, reverse=True), 0), 1)
    ga_T += tl.cumsum(past_T, 0, reverse=True) + tl.sum(tl.where(later > earlier, future_T[None, :], 0), 1)
    ga_T += whole * tl.sum(through_S)
    tl.store(gdt_QBNH + at_sum, tl.sum(ginput_TP * x_TP, 1) + ga_T * A_h, inside)
    tl.store(gA_QBKH + at_total, tl.sum(ga_T * dt_T))
    tl.store(gD_QBKH + at_total, tl.sum(tl.sum(gy_TP * x_TP, 1)))
