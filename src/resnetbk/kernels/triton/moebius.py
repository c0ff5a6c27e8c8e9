"""`moebius_scan` in Triton: a program takes a sequence and LANES heads, and walks through time.

Tested in Triton's interpreter and compiled for CUDA; no GPU was at hand to run it.

Shapes: B batch, N length, H heads.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from resnetbk.kernels.triton.launch import LANES, STAGES


def forward(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    """Return `(g_re_BNH, g_im_BNH)`."""
    a, w2, energy, eta = (x.contiguous() for x in (a_BNH, w2_H, energy_H, eta_H))
    g_re, g_im = torch.empty_like(a), torch.empty_like(a)
    batch, length, heads = a.shape
    with torch.cuda.device_of(a):
        _forward[batch, triton.cdiv(heads, LANES)](
            a, w2, energy, eta, g_re, g_im, length, heads, LANES, STAGES, num_warps=1
        )
    return g_re, g_im


def backward(
    gg_re_BNH: Tensor, gg_im_BNH: Tensor, g_re_BNH: Tensor, g_im_BNH: Tensor, w2_H: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return `(ga_BNH, gw2_H, genergy_H, geta_H)`."""
    gg_re, gg_im, g_re, g_im, w2 = (x.contiguous() for x in (gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H))
    batch, length, heads = g_re.shape
    ga = torch.empty_like(g_re)
    gw2, genergy, geta = (g_re.new_empty(batch, heads) for _ in range(3))
    with torch.cuda.device_of(g_re):
        _backward[batch, triton.cdiv(heads, LANES)](
            gg_re, gg_im, g_re, g_im, w2, ga, gw2, genergy, geta, length, heads, LANES, STAGES, num_warps=1
        )
    return ga, gw2.sum(0), genergy.sum(0), geta.sum(0)


@triton.jit
def green(a, w2, energy, eta, g_re, g_im):
    """Return g_t of g_{t-1}."""
    d_re = a - energy - w2 * g_re
    d_im = -eta - w2 * g_im
    scale = 1 / (d_re * d_re + d_im * d_im)
    return d_re * scale, -d_im * scale


@triton.jit
def times_conjugate_square(x_re, x_im, g_re, g_im):
    """Return conj(g)^2 x, the cotangent of z where x is that of g."""
    y_re, y_im = g_re * x_re + g_im * x_im, g_re * x_im - g_im * x_re
    return g_re * y_re + g_im * y_im, g_re * y_im - g_im * y_re


@triton.jit
def _forward(a, w2, energy, eta, g_re, g_im, length, heads, LANES: tl.constexpr, STAGES: tl.constexpr):
    h = tl.program_id(1) * LANES + tl.arange(0, LANES)
    inside = h < heads
    at = tl.program_id(0).to(tl.int64) * length * heads + h
    w2_H = tl.load(w2 + h, inside, 0)
    energy_H = tl.load(energy + h, inside, 0)
    eta_H = tl.load(eta + h, inside, 1)  # nothing is divided by zero where there is no head
    re_H = tl.zeros([LANES], a.dtype.element_ty)
    im_H = tl.zeros([LANES], a.dtype.element_ty)
    for _ in tl.range(length, num_stages=STAGES):
        re_H, im_H = green(tl.load(a + at, inside, 0), w2_H, energy_H, eta_H, re_H, im_H)
        tl.store(g_re + at, re_H, inside)
        tl.store(g_im + at, im_H, inside)
        at += heads


@triton.jit
def _backward(
    gg_re,
    gg_im,
    g_re,
    g_im,
    w2,
    ga,
    gw2,
    genergy,
    geta,
    length,
    heads,
    LANES: tl.constexpr,
    STAGES: tl.constexpr,
):
    b = tl.program_id(0).to(tl.int64)
    h = tl.program_id(1) * LANES + tl.arange(0, LANES)
    inside = h < heads
    at = (b + 1) * length * heads + h
    w2_H = tl.load(w2 + h, inside, 0)
    carry_re_H = tl.zeros([LANES], g_re.dtype.element_ty)
    carry_im_H = tl.zeros([LANES], g_re.dtype.element_ty)
    gw2_H = tl.zeros([LANES], g_re.dtype.element_ty)
    genergy_H = tl.zeros([LANES], g_re.dtype.element_ty)
    geta_H = tl.zeros([LANES], g_re.dtype.element_ty)
    for i in tl.range(length, num_stages=STAGES):
        at -= heads
        has_past = inside & (i < length - 1)
        x_re_H = tl.load(gg_re + at, inside, 0) + carry_re_H
        x_im_H = tl.load(gg_im + at, inside, 0) + carry_im_H
        q_re_H, q_im_H = times_conjugate_square(
            x_re_H, x_im_H, tl.load(g_re + at, inside, 0), tl.load(g_im + at, inside, 0)
        )
        carry_re_H, carry_im_H = w2_H * q_re_H, w2_H * q_im_H
        tl.store(ga + at, -q_re_H, inside)
        genergy_H += q_re_H
        geta_H += q_im_H
        gw2_H += (
            tl.load(g_re + at - heads, has_past, 0) * q_re_H + tl.load(g_im + at - heads, has_past, 0) * q_im_H
        )
    tl.store(gw2 + b * heads + h, gw2_H, inside)
    tl.store(genergy + b * heads + h, genergy_H, inside)
    tl.store(geta + b * heads + h, geta_H, inside)
