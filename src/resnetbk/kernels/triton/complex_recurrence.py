"""`complex_linear_recurrence` in Triton: a program takes a sequence and LANES channels of one or more heads.

A tile is [heads, channels], so that a gate is read once a head and its gradient is a sum along rows. Heads wider
than LANES are split over programs, each with its own partial sum.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, H heads, P channels a head, Q blocks of channels.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.launch import per_heads


def forward(u_BNHP: Tensor, alpha_re_BNH: Tensor, alpha_im_BNH: Tensor) -> tuple[Tensor, Tensor]:
    """Return `(s_re_BNHP, s_im_BNHP)`."""
    u, alpha_re, alpha_im = (x.contiguous() for x in (u_BNHP, alpha_re_BNH, alpha_im_BNH))
    s_re, s_im = torch.empty_like(u), torch.empty_like(u)
    grid, sizes = per_heads(u)
    with torch.cuda.device_of(u):
        _forward[grid](u, alpha_re, alpha_im, s_re, s_im, *sizes, num_warps=1)
    return s_re, s_im


def backward(
    gs_re_BNHP: Tensor,
    gs_im_BNHP: Tensor,
    alpha_re_BNH: Tensor,
    alpha_im_BNH: Tensor,
    s_re_BNHP: Tensor,
    s_im_BNHP: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `(gu_BNHP, galpha_re_BNH, galpha_im_BNH)`."""
    gs_re, gs_im, alpha_re, alpha_im, s_re, s_im = (
        x.contiguous() for x in (gs_re_BNHP, gs_im_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BNHP, s_im_BNHP)
    )
    grid, sizes = per_heads(s_re)
    gu = torch.empty_like(s_re)
    galpha_re, galpha_im = (s_re.new_empty(grid[2], *s_re.shape[:3]) for _ in range(2))
    with torch.cuda.device_of(s_re):
        _backward[grid](
            gs_re, gs_im, alpha_re, alpha_im, s_re, s_im, gu, galpha_re, galpha_im, *sizes, num_warps=1
        )
    return gu, galpha_re.sum(0), galpha_im.sum(0)


@triton.jit
def _forward(
    u,
    alpha_re,
    alpha_im,
    s_re,
    s_im,
    length,
    heads,
    channels,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
    STAGES: tl.constexpr,
):
    h = (tl.program_id(1) * HEADS + tl.arange(0, HEADS))[:, None]
    p = (tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS))[None, :]
    has_head = h < heads
    inside = has_head & (p < channels)
    at_head = tl.program_id(0).to(tl.int64) * length * heads + h
    at = at_head * channels + p
    re_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    im_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    for _ in tl.range(length, num_stages=STAGES):
        alpha_re_H, alpha_im_H = tl.load(alpha_re + at_head, has_head, 0), tl.load(alpha_im + at_head, has_head, 0)
        u_HP = tl.load(u + at, inside, 0)
        re_HP, im_HP = alpha_re_H * re_HP - alpha_im_H * im_HP + u_HP, alpha_re_H * im_HP + alpha_im_H * re_HP
        tl.store(s_re + at, re_HP, inside)
        tl.store(s_im + at, im_HP, inside)
        at_head += heads
        at += heads * channels


@triton.jit
def _backward(
    gs_re,
    gs_im,
    alpha_re,
    alpha_im,
    s_re,
    s_im,
    gu,
    galpha_re_QBNH,
    galpha_im_QBNH,
    length,
    heads,
    channels,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
    STAGES: tl.constexpr,
):
    h = (tl.program_id(1) * HEADS + tl.arange(0, HEADS))[:, None]
    p = (tl.program_id(2) * CHANNELS + tl.arange(0, CHANNELS))[None, :]
    has_head = h < heads
    inside = has_head & (p < channels)
    at_head = (tl.program_id(0).to(tl.int64) + 1) * length * heads + h
    at = at_head * channels + p
    part = tl.program_id(2).to(tl.int64) * tl.num_programs(0) * length * heads
    carry_re_HP = tl.zeros([HEADS, CHANNELS], s_re.dtype.element_ty)
    carry_im_HP = tl.zeros([HEADS, CHANNELS], s_re.dtype.element_ty)
    for i in tl.range(length, num_stages=STAGES):
        at_head -= heads
        at -= heads * channels
        has_past = inside & (i < length - 1)
        alpha_re_H, alpha_im_H = tl.load(alpha_re + at_head, has_head, 0), tl.load(alpha_im + at_head, has_head, 0)
        past_re_HP = tl.load(s_re + at - heads * channels, has_past, 0)
        past_im_HP = tl.load(s_im + at - heads * channels, has_past, 0)
        x_re_HP = tl.load(gs_re + at, inside, 0) + carry_re_HP
        x_im_HP = tl.load(gs_im + at, inside, 0) + carry_im_HP
        carry_re_HP = alpha_re_H * x_re_HP + alpha_im_H * x_im_HP
        carry_im_HP = alpha_re_H * x_im_HP - alpha_im_H * x_re_HP
        galpha_re_H = tl.sum(past_re_HP * x_re_HP + past_im_HP * x_im_HP, 1, keep_dims=True)
        galpha_im_H = tl.sum(past_re_HP * x_im_HP - past_im_HP * x_re_HP, 1, keep_dims=True)
        tl.store(gu + at, x_re_HP, inside)
        tl.store(galpha_re_QBNH + part + at_head, galpha_re_H, has_head)
        tl.store(galpha_im_QBNH + part + at_head, galpha_im_H, has_head)
