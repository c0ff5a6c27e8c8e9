"""Between the chunks of `state_space_dual`: a program takes a tile of a head's state and walks through the chunks.

Backwards the same kernel carries the gradient of the state, with gy for x and C for B.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: as in `state_space_dual.py` beside this.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.state_space_dual import CHUNK

CHANNELS, STATES = 32, 32  # a tile of the state: more of TF32's three terms than this do not fit into registers
WARPS = 4


def sizes(x_BNHP: Tensor, B_BNGS: Tensor) -> tuple[int, ...]:
    """Return the last arguments of every kernel here: the sizes, and the constants CHUNK, CHANNELS and STATES."""
    return *x_BNHP.shape[1:], *B_BNGS.shape[2:], CHUNK, CHANNELS, STATES


def between_chunks(x_BNHP: Tensor, dt_BNH: Tensor, A_H: Tensor, B_BNGS: Tensor, reverse: bool) -> Tensor:
    """Return `state_BKSHP`: the states before the chunks, or from gy and C the gradients of those after them."""
    batch, length, heads, channels = x_BNHP.shape
    states = B_BNGS.shape[3]
    state = x_BNHP.new_empty(batch, triton.cdiv(length, CHUNK), states, heads, channels)
    grid = batch * heads, triton.cdiv(channels, CHANNELS), triton.cdiv(states, STATES)
    with torch.cuda.device_of(x_BNHP):
        _walk[grid](x_BNHP, dt_BNH, A_H, B_BNGS, state, reverse, *sizes(x_BNHP, B_BNGS), num_warps=WARPS)
    return state


@triton.jit
def dot(a, b):
    """Multiply matrices in three TF32 terms, which is close to float32."""
    return tl.dot(a, b, input_precision="tf32x3", out_dtype=a.dtype)


@triton.jit
def decays(a_T, CHUNK: tl.constexpr):
    """Return L_TV, and the decay from the chunk's start to each step, from each step to its end, and of all."""
    t, v = tl.arange(0, CHUNK)[:, None], tl.arange(0, CHUNK)[None, :]
    after_TV = tl.where(t > v, a_T[:, None], 0)
    return (
        tl.exp(tl.where(t >= v, tl.cumsum(after_TV, 0), float("-inf"))),
        tl.exp(tl.cumsum(a_T, 0)),
        tl.exp(tl.sum(after_TV, 0)),
        tl.exp(tl.sum(a_T)),
    )


@triton.jit
def _walk(
    x,
    dt,
    A,
    B,
    state_BKSHP,
    REVERSE: tl.constexpr,
    length,
    heads,
    channels,
    groups,
    states,
    CHUNK: tl.constexpr,
    CHANNELS: tl.constexpr,
    STATES: tl.constexpr,
):
    b, h = (tl.program_id(0) // heads).to(tl.int64), tl.program_id(0) % heads
    group = h // (heads // groups)
    p, s = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS), tl.program_id(2) * STATES + tl.arange(0, STATES)
    has_channel, has_state = p < channels, s < states
    chunks = tl.cdiv(length, CHUNK)
    A_h = tl.load(A + h)
    h_PS = tl.zeros([CHANNELS, STATES], x.dtype.element_ty)
    for i in range(chunks):
        k = chunks - 1 - i if REVERSE else i
        at_state = (((b * chunks + k) * states + s[None, :]) * heads + h) * channels + p[:, None]
        tl.store(state_BKSHP + at_state, h_PS, has_channel[:, None] & has_state[None, :])
        t = k * CHUNK + tl.arange(0, CHUNK)
        inside, row = t < length, b * length + t
        inside_TP, inside_TS = inside[:, None] & has_channel[None, :], inside[:, None] & has_state[None, :]
        x_TP = tl.load(x + ((row * heads + h) * channels)[:, None] + p[None, :], inside_TP, 0)
        B_TS = tl.load(B + ((row * groups + group) * states)[:, None] + s[None, :], inside_TS, 0)
        dt_T = tl.load(dt + row * heads + h, inside, 0)
        _, from_start_T, to_end_T, whole = decays(dt_T * A_h, CHUNK)
        weight_T = from_start_T if REVERSE else to_end_T * dt_T
        h_PS = whole * h_PS + dot(tl.trans(weight_T[:, None] * x_TP), B_TS)
