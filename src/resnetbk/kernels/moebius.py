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

from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row, sum_of_rows


def moebius_scan(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the left Green's function of every prefix.

    **Arguments:** `a_BNH`: potentials; `w2_H`: squared hopping (> 0); `energy_H`: real part of z; `eta_H`:
    imaginary part of z (> 0, and above 1e-18 in float32, where its square must not vanish; 0 gives
    the real resolvent, and inf or NaN at a resonance). Potentials above 1e19 in float32 give g = 0. All float32 or
    all float64, on one device.

    **Returns:** `(g_re_BNH, g_im_BNH)`, with Im g > 0 and |g| <= 1 / eta. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("moebius_scan", a_BNH=a_BNH, w2_H=w2_H, energy_H=energy_H, eta_H=eta_H)
    if selected(a_BNH) == "reference":
        return moebius_scan_reference(a_BNH, w2_H, energy_H, eta_H)
    return _operator(a_BNH, w2_H, energy_H, eta_H)


def moebius_scan_from_state(
    a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Go on with `moebius_scan` from a state, for inference.

    **Arguments:** those of `moebius_scan`; `state`: `(g_re_BH, g_im_BH)`, the last g before, or zeros.

    **Returns:** `(g_re_BNH, g_im_BNH, state)`. The state given is left as it is.

    **Raises:** as `moebius_scan`; `ValueError` when a gradient is asked for.
    """
    g_re_BH, g_im_BH = state
    check_inference(
        "moebius_scan_from_state",
        a_BNH=a_BNH,
        w2_H=w2_H,
        energy_H=energy_H,
        eta_H=eta_H,
        g_re_BH=g_re_BH,
        g_im_BH=g_im_BH,
    )
    run = _run if selected(a_BNH) == "numba" else reference_from_state
    return run(a_BNH, w2_H, energy_H, eta_H, g_re_BH, g_im_BH)


def moebius_scan_reference(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    """Do what `moebius_scan` does, step by step in PyTorch's complex numbers."""
    zero_BH = torch.zeros_like(a_BNH[:, :0].sum(1))
    return reference_from_state(a_BNH, w2_H, energy_H, eta_H, zero_BH, zero_BH)[:2]


def reference_from_state(a_BNH, w2_H, energy_H, eta_H, g_re_BH, g_im_BH):
    """Do what `moebius_scan_from_state` does, and with gradients."""
    z_H = torch.complex(energy_H, eta_H)
    g_BH = torch.complex(g_re_BH, g_im_BH)
    g = []
    for t in range(a_BNH.shape[1]):
        g_BH = 1 / (a_BNH[:, t] - z_H - w2_H * g_BH)
        g.append(g_BH)
    g_BNH = torch.stack(g, 1) if g else a_BNH * w2_H * z_H
    return g_BNH.real, g_BNH.imag, (g_BH.real.contiguous(), g_BH.imag.contiguous())


@torch.library.custom_op("resnetbk::moebius_scan", mutates_args=())
def _operator(a_BNH: Tensor, w2_H: Tensor, energy_H: Tensor, eta_H: Tensor) -> tuple[Tensor, Tensor]:
    if selected(a_BNH) == "triton":
        from resnetbk.kernels.triton import moebius as triton

        return triton.forward(a_BNH, w2_H, energy_H, eta_H)
    zero_BH = a_BNH.new_zeros(a_BNH.shape[0], a_BNH.shape[2])
    return _run(a_BNH, w2_H, energy_H, eta_H, zero_BH, zero_BH)[:2]


def _run(a_BNH, w2_H, energy_H, eta_H, g_re_BH, g_im_BH):
    state = tuple(x.clone(memory_format=torch.contiguous_format) for x in (g_re_BH, g_im_BH))
    g_re_BNH, g_im_BNH = a_BNH.new_empty(a_BNH.shape), a_BNH.new_empty(a_BNH.shape)
    a, w2, energy, eta, past_re, past_im, g_re, g_im = arrays(
        a_BNH, w2_H, energy_H, eta_H, *state, g_re_BNH, g_im_BNH
    )
    each_row(lambda b: forward_row(a[b], w2, energy, eta, past_re[b], past_im[b], g_re[b], g_im[b]), len(a))
    return g_re_BNH, g_im_BNH, state


@_operator.register_fake
def _(a_BNH, w2_H, energy_H, eta_H):
    return a_BNH.new_empty(a_BNH.shape), a_BNH.new_empty(a_BNH.shape)


@torch.library.custom_op("resnetbk::moebius_scan_backward", mutates_args=())
def _adjoint(
    gg_re_BNH: Tensor, gg_im_BNH: Tensor, g_re_BNH: Tensor, g_im_BNH: Tensor, w2_H: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if selected(g_re_BNH) == "triton":
        from resnetbk.kernels.triton import moebius as triton

        return triton.backward(gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H)
    ga_BNH = g_re_BNH.new_empty(g_re_BNH.shape)
    gg_re, gg_im, g_re, g_im, w2, ga = arrays(gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H, ga_BNH)
    carry, sums = np.zeros((2, len(ga), *w2.shape), w2.dtype), np.zeros((3, len(ga), *w2.shape), w2.dtype)
    each_row(
        lambda b: backward_row(
            *(gg_re[b], gg_im[b], g_re[b], g_im[b], w2, carry[0, b], carry[1, b]),
            *(ga[b], sums[0, b], sums[1, b], sums[2, b]),
        ),
        len(ga),
    )
    gw2_H, genergy_H, geta_H = (torch.from_numpy(sum_of_rows(x)) for x in sums)
    return ga_BNH, gw2_H, genergy_H, geta_H


@_adjoint.register_fake
def _(gg_re_BNH, gg_im_BNH, g_re_BNH, g_im_BNH, w2_H):
    return tuple(x.new_empty(x.shape) for x in (g_re_BNH, w2_H, w2_H, w2_H))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*output, inputs[1])


def _gradients(ctx, gg_re_BNH, gg_im_BNH):
    return _adjoint(gg_re_BNH, gg_im_BNH, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("moebius_scan")


@compiled
def forward_row(a_NH, w2_H, energy_H, eta_H, past_re_H, past_im_H, g_re_NH, g_im_NH):
    """Run one row of the batch from `past`, which becomes the last g."""
    length, heads = a_NH.shape
    one = a_NH.dtype.type(1)
    for t in range(length):
        for h in range(heads):
            d_re = a_NH[t, h] - energy_H[h] - w2_H[h] * past_re_H[h]
            d_im = -eta_H[h] - w2_H[h] * past_im_H[h]
            scale = one / (d_re * d_re + d_im * d_im)
            g_re, g_im = d_re * scale, -d_im * scale
            past_re_H[h] = g_re
            past_im_H[h] = g_im
            g_re_NH[t, h] = g_re
            g_im_NH[t, h] = g_im


@compiled
def backward_row(
    gg_re_NH, gg_im_NH, g_re_NH, g_im_NH, w2_H, carry_re_H, carry_im_H, ga_NH, gw2_H, genergy_H, geta_H
):
    """Run the adjoint of one row from a zero carry, adding to `gw2`, `genergy` and `geta`."""
    length, heads = g_re_NH.shape
    none_H = np.zeros(heads, g_re_NH.dtype)
    for t in range(length - 1, -1, -1):
        past_re_H, past_im_H = (g_re_NH[t - 1], g_im_NH[t - 1]) if t > 0 else (none_H, none_H)
        for h in range(heads):
            g_re, g_im = g_re_NH[t, h], g_im_NH[t, h]
            x_re, x_im = gg_re_NH[t, h] + carry_re_H[h], gg_im_NH[t, h] + carry_im_H[h]
            y_re, y_im = g_re * x_re + g_im * x_im, g_re * x_im - g_im * x_re
            q_re, q_im = g_re * y_re + g_im * y_im, g_re * y_im - g_im * y_re
            carry_re_H[h] = w2_H[h] * q_re
            carry_im_H[h] = w2_H[h] * q_im
            ga_NH[t, h] = -q_re
            genergy_H[h] += q_re
            geta_H[h] += q_im
            gw2_H[h] += past_re_H[h] * q_re + past_im_H[h] * q_im
