"""`propagator` in Triton: the resolvent and the values it multiplies, in one walk through time.

A tile is [heads, channels], as in `complex_recurrence.py`. Where a head is split over programs each of them runs
the head's scalar recursion; its adjoint is linear in the cotangents, so partial sums pass through it.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, H heads, P channels a head, Q blocks of channels.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.launch import per_heads
from resnetbk.kernels.triton.moebius import green, times_conjugate_square


def forward(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return `(s_re_BNHP, s_im_BNHP, g_re_BNH, g_im_BNH)`."""
    u, a, w, energy, eta = (x.contiguous() for x in (u_BNHP, a_BNH, w_H, energy_H, eta_H))
    s_re, s_im, g_re, g_im = torch.empty_like(u), torch.empty_like(u), torch.empty_like(a), torch.empty_like(a)
    grid, sizes = per_heads(u)
    with torch.cuda.device_of(u):
        _forward[grid](u, a, w, energy, eta, s_re, s_im, g_re, g_im, *sizes, num_warps=1)
    return s_re, s_im, g_re, g_im


def backward(
    gs_re_BNHP: Tensor,
    gs_im_BNHP: Tensor,
    u_BNHP: Tensor,
    w_H: Tensor,
    s_re_BNHP: Tensor,
    s_im_BNHP: Tensor,
    g_re_BNH: Tensor,
    g_im_BNH: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return `(gu_BNHP, ga_BNH, gw_H, genergy_H, geta_H)`."""
    gs_re, gs_im, u, w, s_re, s_im, g_re, g_im = (
        x.contiguous() for x in (gs_re_BNHP, gs_im_BNHP, u_BNHP, w_H, s_re_BNHP, s_im_BNHP, g_re_BNH, g_im_BNH)
    )
    grid, sizes = per_heads(u)
    gu = torch.empty_like(u)
    ga = u.new_empty(grid[2], *g_re.shape)
    gw, genergy, geta = (u.new_empty(grid[2], u.shape[0], u.shape[2]) for _ in range(3))
    with torch.cuda.device_of(u):
        _backward[grid](gs_re, gs_im, u, w, s_re, s_im, g_re, g_im, gu, ga, gw, genergy, geta, *sizes, num_warps=1)
    return gu, ga.sum(0), gw.sum((0, 1)), genergy.sum((0, 1)), geta.sum((0, 1))


@triton.jit
def _forward(
    u,
    a,
    w,
    energy,
    eta,
    s_re,
    s_im,
    g_re,
    g_im,
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
    first_of_head = has_head & (tl.program_id(2) == 0)
    at_head = tl.program_id(0).to(tl.int64) * length * heads + h
    at = at_head * channels + p
    w_H = tl.load(w + h, has_head, 0)
    energy_H = tl.load(energy + h, has_head, 0)
    eta_H = tl.load(eta + h, has_head, 1)  # nothing is divided by zero where there is no head
    g_re_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    g_im_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    re_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    im_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    for _ in tl.range(length, num_stages=STAGES):
        g_re_H, g_im_H = green(tl.load(a + at_head, has_head, 0), w_H * w_H, energy_H, eta_H, g_re_H, g_im_H)
        v_re_HP, v_im_HP = tl.load(u + at, inside, 0) + w_H * re_HP, w_H * im_HP
        re_HP, im_HP = g_re_H * v_re_HP - g_im_H * v_im_HP, g_re_H * v_im_HP + g_im_H * v_re_HP
        tl.store(g_re + at_head, g_re_H, first_of_head)
        tl.store(g_im + at_head, g_im_H, first_of_head)
        tl.store(s_re + at, re_HP, inside)
        tl.store(s_im + at, im_HP, inside)
        at_head += heads
        at += heads * channels


@triton.jit
def _backward(
    gs_re,
    gs_im,
    u,
    w,
    s_re,
    s_im,
    g_re,
    g_im,
    gu,
    ga_QBNH,
    gw_QBH,
    genergy_QBH,
    geta_QBH,
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
    part = tl.program_id(2).to(tl.int64) * tl.num_programs(0)
    w_H = tl.load(w + h, has_head, 0)
    carry_re_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    carry_im_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    gw_HP = tl.zeros([HEADS, CHANNELS], u.dtype.element_ty)
    carry_re_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    carry_im_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    gw2_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    genergy_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    geta_H = tl.zeros([HEADS, 1], u.dtype.element_ty)
    for i in tl.range(length, num_stages=STAGES):
        at_head -= heads
        at -= heads * channels
        has_past = i < length - 1
        g_re_H, g_im_H = tl.load(g_re + at_head, has_head, 0), tl.load(g_im + at_head, has_head, 0)
        past_re_H = tl.load(g_re + at_head - heads, has_head & has_past, 0)
        past_im_H = tl.load(g_im + at_head - heads, has_head & has_past, 0)
        past_re_HP = tl.load(s_re + at - heads * channels, inside & has_past, 0)
        past_im_HP = tl.load(s_im + at - heads * channels, inside & has_past, 0)
        x_re_HP = tl.load(gs_re + at, inside, 0) + carry_re_HP
        x_im_HP = tl.load(gs_im + at, inside, 0) + carry_im_HP

        v_re_HP, v_im_HP = tl.load(u + at, inside, 0) + w_H * past_re_HP, w_H * past_im_HP
        gv_re_HP, gv_im_HP = g_re_H * x_re_HP + g_im_H * x_im_HP, g_re_H * x_im_HP - g_im_H * x_re_HP
        tl.store(gu + at, gv_re_HP, inside)
        gw_HP += past_re_HP * gv_re_HP + past_im_HP * gv_im_HP
        carry_re_HP, carry_im_HP = w_H * gv_re_HP, w_H * gv_im_HP

        gg_re_H = tl.sum(v_re_HP * x_re_HP + v_im_HP * x_im_HP, 1, keep_dims=True) + carry_re_H
        gg_im_H = tl.sum(v_re_HP * x_im_HP - v_im_HP * x_re_HP, 1, keep_dims=True) + carry_im_H
        q_re_H, q_im_H = times_conjugate_square(gg_re_H, gg_im_H, g_re_H, g_im_H)
        tl.store(ga_QBNH + part * length * heads + at_head, -q_re_H, has_head)
        gw2_H += past_re_H * q_re_H + past_im_H * q_im_H
        genergy_H += q_re_H
        geta_H += q_im_H
        carry_re_H, carry_im_H = w_H * w_H * q_re_H, w_H * w_H * q_im_H
    sums = (part + tl.program_id(0)) * heads + h
    tl.store(gw_QBH + sums, tl.sum(gw_HP, 1, keep_dims=True) + 2 * w_H * gw2_H, has_head)
    tl.store(genergy_QBH + sums, genergy_H, has_head)
    tl.store(geta_QBH + sums, geta_H, has_head)
