"""The resolvent as an operator on values: forward elimination of (H - z) s = u, many channels a head.

    s_t = g_t (u_t + w s_{t-1}),   s_{-1} = 0,   g_t of `moebius.py`

A gated linear recurrence whose complex gate w g_t is the resolvent of everything seen so far. Complex numbers
are pairs of real arrays; a cotangent is dL/d Re + i dL/d Im, and the adjoint multiplies it by conjugates.

Shapes: B batch, N length, H heads, P channels a head; in the kernels E = H P.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.moebius import moebius_scan, moebius_scan_reference

LANES = 64
GROUP = 8  # channels of a head that are filled and summed at once


def propagator(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Apply the causal resolvent of the potential `a` to the values `u`.

    **Arguments:** `u_BNHP`: values; `a_BNH`: potentials; `w_H`: hopping; `energy_H`, `eta_H`: z = E + i eta,
    eta > 0. All float32 or all float64, on the CPU.

    **Returns:** `(s_re_BNHP, s_im_BNHP)`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("propagator", u_BNHP=u_BNHP, a_BNH=a_BNH, w_H=w_H, energy_H=energy_H, eta_H=eta_H)
    g_re_BNH, g_im_BNH = moebius_scan(a_BNH, w_H * w_H, energy_H, eta_H)
    return _operator(u_BNHP, g_re_BNH, g_im_BNH, w_H)


def propagator_reference(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what `propagator` does, step by step in PyTorch's complex numbers."""
    g_BNH = torch.complex(*moebius_scan_reference(a_BNH, w_H * w_H, energy_H, eta_H))
    s_BHP = torch.zeros_like(u_BNHP[:, :0].sum(1))
    s = []
    for t in range(u_BNHP.shape[1]):
        s_BHP = g_BNH[:, t, :, None] * (u_BNHP[:, t] + w_H[:, None] * s_BHP)
        s.append(s_BHP)
    s_BNHP = torch.stack(s, 1) if s else u_BNHP * g_BNH[..., None]
    return s_BNHP.real, s_BNHP.imag


@torch.library.custom_op("resnetbk::propagate", mutates_args=())
def _operator(u_BNHP: Tensor, g_re_BNH: Tensor, g_im_BNH: Tensor, w_H: Tensor) -> tuple[Tensor, Tensor]:
    u, g_re, g_im, w = arrays(u_BNHP, g_re_BNH, g_im_BNH, w_H)
    s_re, s_im = np.empty_like(u), np.empty_like(u)
    _forward(_flat(u), g_re, g_im, w, _flat(s_re), _flat(s_im))
    return torch.from_numpy(s_re), torch.from_numpy(s_im)


def _flat(x_BNHP):
    """View heads and their channels as one dimension."""
    batch, length, heads, channels = x_BNHP.shape
    return x_BNHP.reshape(batch, length, heads * channels)


@_operator.register_fake
def _(u_BNHP, g_re_BNH, g_im_BNH, w_H):
    return torch.empty(u_BNHP.shape, dtype=u_BNHP.dtype), torch.empty(u_BNHP.shape, dtype=u_BNHP.dtype)


@torch.library.custom_op("resnetbk::propagate_backward", mutates_args=())
def _adjoint(
    gs_re_BNHP: Tensor,
    gs_im_BNHP: Tensor,
    u_BNHP: Tensor,
    g_re_BNH: Tensor,
    g_im_BNH: Tensor,
    w_H: Tensor,
    s_re_BNHP: Tensor,
    s_im_BNHP: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    gs_re, gs_im, u, g_re, g_im, w, s_re, s_im = arrays(
        gs_re_BNHP, gs_im_BNHP, u_BNHP, g_re_BNH, g_im_BNH, w_H, s_re_BNHP, s_im_BNHP
    )
    gu, gg_re, gg_im, gw = (np.empty_like(x) for x in (u, g_re, g_im, w))
    _backward(
        _flat(gs_re), _flat(gs_im), _flat(u), g_re, g_im, w, _flat(s_re), _flat(s_im), _flat(gu), gg_re, gg_im, gw
    )
    return torch.from_numpy(gu), torch.from_numpy(gg_re), torch.from_numpy(gg_im), torch.from_numpy(gw)


@_adjoint.register_fake
def _(gs_re_BNHP, gs_im_BNHP, u_BNHP, g_re_BNH, g_im_BNH, w_H, s_re_BNHP, s_im_BNHP):
    return tuple(torch.empty(x.shape, dtype=x.dtype) for x in (u_BNHP, g_re_BNH, g_im_BNH, w_H))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs, *output)


def _gradients(ctx, gs_re_BNHP, gs_im_BNHP):
    return _adjoint(gs_re_BNHP, gs_im_BNHP, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)

# Rows of a block of lanes: a constant distance apart, so that LLVM sees that they do not overlap.
G_RE, G_IM, W, RE, IM, SUM_W = range(6)  # RE, IM: the state, or the cotangent carried backwards


@compiled
def _fill(block_row, row, value_H, channels):
    """Write each head's value to all of its channels: `block_row` [blocks, rows, LANES]."""
    for h in range(value_H.shape[0]):
        value = value_H[h]
        e = h * channels
        last = e + channels
        while e % GROUP == 0 and e + GROUP <= last:  # then it lies within one block
            group = block_row[e // LANES, row, e % LANES : e % LANES + GROUP]
            for j in range(GROUP):
                group[j] = value
            e += GROUP
        while e < last:
            block_row[e // LANES, row, e % LANES] = value
            e += 1


@compiled
def _head_sum(x_E, first, channels):
    """Add a head's channels in one fixed order: groups of eight by halves, then the rest in sequence."""
    total = x_E.dtype.type(0)
    for e in range(first, first + channels - GROUP + 1, GROUP):
        x = x_E[e : e + GROUP]
        total += ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    for e in range(first + channels // GROUP * GROUP, first + channels):
        total += x_E[e]
    return total


@compiled
def _forward(u_BNE, g_re_BNH, g_im_BNH, w_H, s_re_BNE, s_im_BNE):
    batch, length, width = u_BNE.shape
    blocks = (width + LANES - 1) // LANES
    channels = width // max(w_H.shape[0], 1)
    row = np.zeros((blocks, 5, LANES), u_BNE.dtype)
    _fill(row, W, w_H, channels)
    for b in range(batch):
        row[:, RE:] = u_BNE.dtype.type(0)
        for t in range(length):
            _fill(row, G_RE, g_re_BNH[b, t], channels)
            _fill(row, G_IM, g_im_BNH[b, t], channels)
            for block in range(blocks):
                first = block * LANES
                last = min(first + LANES, width)
                u, s_re, s_im = u_BNE[b, t, first:last], s_re_BNE[b, t, first:last], s_im_BNE[b, t, first:last]
                for j in range(last - first):
                    v_re = u[j] + row[block, W, j] * row[block, RE, j]
                    v_im = row[block, W, j] * row[block, IM, j]
                    row[block, RE, j] = row[block, G_RE, j] * v_re - row[block, G_IM, j] * v_im
                    row[block, IM, j] = row[block, G_RE, j] * v_im + row[block, G_IM, j] * v_re
                    s_re[j] = row[block, RE, j]
                    s_im[j] = row[block, IM, j]


@compiled
def _backward(
    gs_re_BNE, gs_im_BNE, u_BNE, g_re_BNH, g_im_BNH, w_H, s_re_BNE, s_im_BNE, gu_BNE, gg_re_BNH, gg_im_BNH, gw_H
):
    batch, length, width = u_BNE.shape
    heads = w_H.shape[0]
    blocks = (width + LANES - 1) // LANES
    channels = width // max(heads, 1)
    zero = u_BNE.dtype.type(0)
    row = np.zeros((blocks, 6, LANES), u_BNE.dtype)
    gg_E = np.empty((2, width), u_BNE.dtype)  # each channel's part of the gradient of its head's g_t
    none_E = np.zeros(width, u_BNE.dtype)
    _fill(row, W, w_H, channels)
    for b in range(batch):
        row[:, RE : IM + 1] = zero
        for t in range(length - 1, -1, -1):
            _fill(row, G_RE, g_re_BNH[b, t], channels)
            _fill(row, G_IM, g_im_BNH[b, t], channels)
            for block in range(blocks):
                first = block * LANES
                last = min(first + LANES, width)
                gs_re, gs_im = gs_re_BNE[b, t, first:last], gs_im_BNE[b, t, first:last]
                for j in range(last - first):
                    row[block, RE, j] += gs_re[j]
                    row[block, IM, j] += gs_im[j]
                past_re = s_re_BNE[b, t - 1, first:last] if t > 0 else none_E[first:last]
                past_im = s_im_BNE[b, t - 1, first:last] if t > 0 else none_E[first:last]
                u, gg_re, gg_im = u_BNE[b, t, first:last], gg_E[0, first:last], gg_E[1, first:last]
                for j in range(last - first):
                    v_re, v_im = u[j] + row[block, W, j] * past_re[j], row[block, W, j] * past_im[j]
                    gg_re[j] = v_re * row[block, RE, j] + v_im * row[block, IM, j]
                    gg_im[j] = v_re * row[block, IM, j] - v_im * row[block, RE, j]
                gu = gu_BNE[b, t, first:last]
                for j in range(last - first):
                    gv_re = row[block, G_RE, j] * row[block, RE, j] + row[block, G_IM, j] * row[block, IM, j]
                    gv_im = row[block, G_RE, j] * row[block, IM, j] - row[block, G_IM, j] * row[block, RE, j]
                    gu[j] = gv_re
                    row[block, SUM_W, j] += past_re[j] * gv_re + past_im[j] * gv_im
                    row[block, RE, j] = row[block, W, j] * gv_re
                    row[block, IM, j] = row[block, W, j] * gv_im
            for h in range(heads):
                gg_re_BNH[b, t, h] = _head_sum(gg_E[0], h * channels, channels)
                gg_im_BNH[b, t, h] = _head_sum(gg_E[1], h * channels, channels)
    for e in range(width):
        gg_E[0, e] = row[e // LANES, SUM_W, e % LANES]
    for h in range(heads):
        gw_H[h] = _head_sum(gg_E[0], h * channels, channels)
