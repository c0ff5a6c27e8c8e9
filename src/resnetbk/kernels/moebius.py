"""The causal resolvent: the left Green's function of a tridiagonal Hamiltonian as a Moebius recursion.

    g_t = 1 / (a_t - z - w^2 g_{t-1}),   g_{-1} = 0,   z = E + i eta

g_t is the last diagonal entry of (H_{0..t} - z)^{-1}, where H has the diagonal a and the hopping w. It equals
theta_{t-1} / theta_t of the classical three-term recursions, without their overflow. Complex numbers are pairs
of real arrays. d g_t / d z = g_t^2 and so on (the map is holomorphic), so the adjoint multiplies a cotangent
x = dL/d Re + i dL/d Im by conj(g_t^2).

Shapes: B batch, N length, H heads.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled

LANES = 32  # heads that are worked on together; one step waits for the last, so narrow blocks lose nothing


def moebius_scan(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the left Green's function of every prefix.

    **Arguments:** `a_BNH`: potentials; `w2_H`: squared hopping (> 0); `energy_H`: real part of z; `eta_H`:
    imaginary part of z (> 0, and above 1e-18 in float32, where its square must not vanish). All float32 or all
    float64, on the CPU.

    **Returns:** `(g_re_BNH, g_im_BNH)`, with Im g > 0 and |g| <= 1 / eta. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("moebius_scan", a_BNH=a_BNH, w2_H=w2_H, energy_H=energy_H, eta_H=eta_H)
    return _operator(a_BNH, w2_H, energy_H, eta_H)


def moebius_scan_reference(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    """Do what `moebius_scan` does, step by step in PyTorch's complex numbers."""
    z_H = torch.complex(energy_H, eta_H)
    g_BH = torch.zeros_like(a_BNH[:, :0].sum(1)) * z_H
    g = []
    for t in range(a_BNH.shape[1]):
        g_BH = 1 / (a_BNH[:, t] - z_H - w2_H * g_BH)
        g.append(g_BH)
    g_BNH = torch.stack(g, 1) if g else a_BNH * z_H
    return g_BNH.real, g_BNH.imag


@torch.library.custom_op("resnetbk::moebius_scan", mutates_args=())
def _operator(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    a, w2, energy, eta = arrays(a_BNH, w2_H, energy_H, eta_H)
    g_re, g_im = np.empty_like(a), np.empty_like(a)
    _forward(a, w2, energy, eta, g_re, g_im)
    return torch.from_numpy(g_re), torch.from_numpy(g_im)


@_operator.register_fake
def _(a_BNH, w2_H, energy_H, eta_H):
    return torch.empty(a_BNH.shape, dtype=a_BNH.dtype), torch.empty(a_BNH.shape, dtype=a_BNH.dtype)


@torch.library.custom_op("resnetbk::moebius_scan_backward", mutates_args=())
def _adjoint(
    gg_re_BNH: Tensor, gg_im_BNH: Tensor, g_re_BNH: Tensor, g_im_BNH: Tensor, w2_H: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    gg_re, gg_im, g_re, g_im, w2 = arrays(gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H)
    ga, gw2, genergy, geta = np.empty_like(g_re), np.empty_like(w2), np.empty_like(w2), np.empty_like(w2)
    _backward(gg_re, gg_im, g_re, g_im, w2, ga, gw2, genergy, geta)
    return torch.from_numpy(ga), torch.from_numpy(gw2), torch.from_numpy(genergy), torch.from_numpy(geta)


@_adjoint.register_fake
def _(gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H):
    shapes = (g_re_BNH.shape, w2_H.shape, w2_H.shape, w2_H.shape)
    return tuple(torch.empty(shape, dtype=w2_H.dtype) for shape in shapes)


def _save(ctx, inputs, output):
    ctx.save_for_backward(*output, inputs[1])


def _gradients(ctx, gg_re_BNH, gg_im_BNH):
    return _adjoint(gg_re_BNH, gg_im_BNH, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)

# Rows of a block of lanes: a constant distance apart, so that LLVM sees that they do not overlap.
W2, ENERGY, ETA, RE, IM = range(5)
CARRY_RE, CARRY_IM, Q_RE, Q_IM, SUM_W2, SUM_ENERGY, SUM_ETA = range(1, 8)


@compiled
def _forward(a_BNH, w2_H, energy_H, eta_H, g_re_BNH, g_im_BNH):
    batch, length, heads = a_BNH.shape
    one = a_BNH.dtype.type(1)
    row = np.zeros((5, LANES), a_BNH.dtype)
    for first in range(0, heads, LANES):
        last = min(first + LANES, heads)
        row[W2, : last - first] = w2_H[first:last]
        row[ENERGY, : last - first] = energy_H[first:last]
        row[ETA, : last - first] = eta_H[first:last]
        for b in range(batch):
            row[RE:] = a_BNH.dtype.type(0)
            for t in range(length):
                a, g_re, g_im = a_BNH[b, t, first:last], g_re_BNH[b, t, first:last], g_im_BNH[b, t, first:last]
                for j in range(last - first):
                    d_re = a[j] - row[ENERGY, j] - row[W2, j] * row[RE, j]
                    d_im = -row[ETA, j] - row[W2, j] * row[IM, j]
                    scale = one / (d_re * d_re + d_im * d_im)
                    row[RE, j] = d_re * scale
                    row[IM, j] = -d_im * scale
                for j in range(last - first):
                    g_re[j] = row[RE, j]
                    g_im[j] = row[IM, j]


@compiled
def _backward(gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H, ga_BNH, gw2_H, genergy_H, geta_H):
    batch, length, heads = g_re_BNH.shape
    zero = g_re_BNH.dtype.type(0)
    row = np.zeros((8, LANES), g_re_BNH.dtype)
    for first in range(0, heads, LANES):
        last = min(first + LANES, heads)
        row[W2, : last - first] = w2_H[first:last]
        row[SUM_W2:] = zero
        for b in range(batch):
            row[CARRY_RE : CARRY_IM + 1] = zero
            for t in range(length - 1, -1, -1):
                gg_re, gg_im = gg_re_BNH[b, t, first:last], gg_im_BNH[b, t, first:last]
                g_re, g_im = g_re_BNH[b, t, first:last], g_im_BNH[b, t, first:last]
                for j in range(last - first):
                    x_re, x_im = gg_re[j] + row[CARRY_RE, j], gg_im[j] + row[CARRY_IM, j]
                    y_re, y_im = g_re[j] * x_re + g_im[j] * x_im, g_re[j] * x_im - g_im[j] * x_re
                    q_re, q_im = g_re[j] * y_re + g_im[j] * y_im, g_re[j] * y_im - g_im[j] * y_re
                    row[CARRY_RE, j] = row[W2, j] * q_re
                    row[CARRY_IM, j] = row[W2, j] * q_im
                    row[Q_RE, j] = q_re
                    row[Q_IM, j] = q_im
                    row[SUM_ENERGY, j] += q_re
                    row[SUM_ETA, j] += q_im
                ga = ga_BNH[b, t, first:last]
                for j in range(last - first):
                    ga[j] = -row[Q_RE, j]
                if t > 0:
                    past_re, past_im = g_re_BNH[b, t - 1, first:last], g_im_BNH[b, t - 1, first:last]
                    for j in range(last - first):
                        row[SUM_W2, j] += past_re[j] * row[Q_RE, j] + past_im[j] * row[Q_IM, j]
        gw2_H[first:last] = row[SUM_W2, : last - first]
        genergy_H[first:last] = row[SUM_ENERGY, : last - first]
        geta_H[first:last] = row[SUM_ETA, : last - first]
