"""`selective_scan` in Triton: a program takes a sequence and LANES channels with all their states.

A tile is [states, channels]. The backward pass goes through the chunks in reverse: it recomputes the states of a
chunk from its stored start into a strip of memory that is the program's own and small enough for the cache, and
walks the chunk backwards.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, E channels, S states a channel, K chunks, Q blocks of channels.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.selective import CHUNK
from resnetbk.kernels.triton.elementary import sigmoid, silu, silu_slope, softplus
from resnetbk.kernels.triton.launch import LANES, STAGES, tile


def forward(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor, gate_BNE: Tensor
) -> tuple[Tensor, Tensor]:
    """Return `(y_BNE, start_BKSE)`, the states before every CHUNK-th step."""
    u, dt, A, B, C, D, gate = (x.contiguous() for x in (u_BNE, dt_BNE, A_ES.t(), B_BNS, C_BNS, D_E, gate_BNE))
    batch, length, width = u.shape
    states = A.shape[0]
    grid, sizes, warps = _launch(u, states)
    y = torch.empty_like(u)
    start = u.new_empty(batch, triton.cdiv(length, CHUNK), states, width)
    with torch.cuda.device_of(u):
        _forward[grid](u, dt, A, B, C, D, gate, y, start, *sizes, num_warps=warps)
    return y, start


def backward(
    gy_BNE: Tensor,
    u_BNE: Tensor,
    dt_BNE: Tensor,
    A_ES: Tensor,
    B_BNS: Tensor,
    C_BNS: Tensor,
    D_E: Tensor,
    gate_BNE: Tensor,
    start_BKSE: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients `(gu_BNE, gdt_BNE, gA_ES, gB_BNS, gC_BNS, gD_E, ggate_BNE)`."""
    gy, u, dt, A, B, C, D, gate, start = (
        x.contiguous() for x in (gy_BNE, u_BNE, dt_BNE, A_ES.t(), B_BNS, C_BNS, D_E, gate_BNE, start_BKSE)
    )
    batch, length, width = u.shape
    states = A.shape[0]
    grid, sizes, warps = _launch(u, states)
    gu, gdt, ggate = (torch.empty_like(u) for _ in range(3))
    gB, gC = (u.new_empty(grid[1], batch, length, states) for _ in range(2))
    gA, gD = u.new_empty(batch, states, width), u.new_empty(batch, width)
    strip = u.new_empty(*grid, CHUNK, tile(states), LANES)
    with torch.cuda.device_of(u):
        _backward[grid](
            gy, u, dt, A, B, C, D, gate, start, gu, gdt, gA, gB, gC, gD, ggate, strip, *sizes, num_warps=warps
        )
    return gu, gdt, gA.sum(0).t().contiguous(), gB.sum(0), gC.sum(0), gD.sum(0), ggate


def _launch(u_BNE, states):
    """Return the grid, the kernels' last arguments, and as many warps as leave a thread 16 states, up to 8."""
    batch, length, width = u_BNE.shape
    grid, warps = (batch, triton.cdiv(width, LANES)), min(max(tile(states) // 16, 1), 8)
    return grid, (length, width, states, CHUNK, tile(states), LANES, STAGES), warps


@triton.jit
def _forward(
    u,
    dt,
    A,
    B,
    C,
    D,
    gate,
    y,
    start_BKSE,
    length,
    width,
    states,
    CHUNK: tl.constexpr,
    STATES: tl.constexpr,
    LANES: tl.constexpr,
    STAGES: tl.constexpr,
):
    b = tl.program_id(0).to(tl.int64)
    e = tl.program_id(1) * LANES + tl.arange(0, LANES)
    s = tl.arange(0, STATES)
    inside, has_state = e < width, s < states
    inside_SE = has_state[:, None] & inside[None, :]
    within = s[:, None] * width + e[None, :]
    A_SE = tl.load(A + within, inside_SE, 0)
    D_E = tl.load(D + e, inside, 0)
    at, at_state = b * length * width + e, b * length * states + s
    at_start = b * tl.cdiv(length, CHUNK) * states * width + within
    h_SE = tl.zeros([STATES, LANES], u.dtype.element_ty)
    for t in tl.range(length, num_stages=STAGES):
        starts = t % CHUNK == 0
        tl.store(start_BKSE + at_start, h_SE, inside_SE & starts)
        at_start += tl.where(starts, states * width, 0)
        u_E, dt_E = tl.load(u + at, inside, 0), softplus(tl.load(dt + at, inside, 0))
        B_S, C_S = tl.load(B + at_state, has_state, 0), tl.load(C + at_state, has_state, 0)
        h_SE = tl.exp(dt_E[None, :] * A_SE) * h_SE + (dt_E * u_E)[None, :] * B_S[:, None]
        y_E = tl.sum(h_SE * C_S[:, None], 0) + D_E * u_E
        tl.store(y + at, y_E * silu(tl.load(gate + at, inside, 0)), inside)
        at += width
        at_state += states


@triton.jit
def _backward(
    gy,
    u,
    dt,
    A,
    B,
    C,
    D,
    gate,
    start_BKSE,
    gu,
    gdt,
    gA_BSE,
    gB_QBNS,
    gC_QBNS,
    gD_BE,
    ggate,
    strip,
    length,
    width,
    states,
    CHUNK: tl.constexpr,
    STATES: tl.constexpr,
    LANES: tl.constexpr,
    STAGES: tl.constexpr,
):
    b, q = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    e = tl.program_id(1) * LANES + tl.arange(0, LANES)
    s = tl.arange(0, STATES)
    inside, has_state = e < width, s < states
    inside_SE = has_state[:, None] & inside[None, :]
    within = s[:, None] * width + e[None, :]
    A_SE = tl.load(A + within, inside_SE, 0)
    D_E = tl.load(D + e, inside, 0)
    part = q * tl.num_programs(0) * length * states
    strip += (b * tl.num_programs(1) + q) * CHUNK * STATES * LANES
    strip_SE = strip + s[:, None] * LANES + tl.arange(0, LANES)[None, :]
    carry_SE = tl.zeros([STATES, LANES], u.dtype.element_ty)
    gA_SE = tl.zeros([STATES, LANES], u.dtype.element_ty)
    gD_E = tl.zeros([LANES], u.dtype.element_ty)
    chunks = tl.cdiv(length, CHUNK)
    for k in range(chunks):
        chunk = chunks - 1 - k
        steps = tl.minimum(CHUNK, length - chunk * CHUNK)
        first = b * length + chunk * CHUNK
        h_SE = tl.load(start_BKSE + (b * chunks + chunk) * states * width + within, inside_SE, 0)
        for i in tl.range(steps, num_stages=STAGES):
            at, at_state = (first + i) * width + e, (first + i) * states + s
            tl.store(strip_SE + i * (STATES * LANES), h_SE)
            dt_E = softplus(tl.load(dt + at, inside, 0))
            input_E = dt_E * tl.load(u + at, inside, 0)
            B_S = tl.load(B + at_state, has_state, 0)
            h_SE = tl.exp(dt_E[None, :] * A_SE) * h_SE + input_E[None, :] * B_S[:, None]
        tl.debug_barrier()  # the strip may be read by other threads than wrote it
        for j in range(steps):
            i = steps - 1 - j
            at, at_state = (first + i) * width + e, (first + i) * states + s
            u_E, raw_E, gate_E = (
                tl.load(u + at, inside, 0),
                tl.load(dt + at, inside, 0),
                tl.load(gate + at, inside, 0),
            )
            B_S, C_S = tl.load(B + at_state, has_state, 0), tl.load(C + at_state, has_state, 0)
            past_SE = tl.load(strip_SE + i * (STATES * LANES))
            dt_E = softplus(raw_E)
            decay_SE = tl.exp(dt_E[None, :] * A_SE)
            h_SE = decay_SE * past_SE + (dt_E * u_E)[None, :] * B_S[:, None]

            gated_E = tl.load(gy + at, inside, 0)
            gy_E = gated_E * silu(gate_E)
            y_E = tl.sum(h_SE * C_S[:, None], 0) + D_E * u_E
            tl.store(ggate + at, gated_E * y_E * silu_slope(gate_E), inside)

            gh_SE = carry_SE + gy_E[None, :] * C_S[:, None]
            carry_SE = gh_SE * decay_SE
            gexponent_SE = carry_SE * past_SE
            ginput_E = tl.sum(gh_SE * B_S[:, None], 0)
            gdt_E = ginput_E * u_E + tl.sum(gexponent_SE * A_SE, 0)
            tl.store(gu + at, ginput_E * dt_E + gy_E * D_E, inside)
            tl.store(gdt + at, gdt_E * sigmoid(raw_E), inside)
            tl.store(gB_QBNS + part + at_state, tl.sum(gh_SE * (dt_E * u_E)[None, :], 1), has_state)
            tl.store(gC_QBNS + part + at_state, tl.sum(h_SE * gy_E[None, :], 1), has_state)
            gA_SE += gexponent_SE * dt_E[None, :]
            gD_E += gy_E * u_E
        tl.debug_barrier()  # before the next chunk writes to the strip
    tl.store(gA_BSE + b * states * width + within, gA_SE, inside_SE)
    tl.store(gD_BE + b * width + e, gD_E, inside)
