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

from resnetbk.kernels import moebius
from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.channels import GROUP, flat, sum_heads
from resnetbk.kernels.compilation import compiled, inlined
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row, sum_of_rows


def propagator(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Apply the causal resolvent of the potential `a` to the values `u`.

    **Arguments:** `u_BNHP`: values; `a_BNH`: potentials; `w_H`: hopping; `energy_H`, `eta_H`: z = E + i eta,
    eta > 0. All float32 or all float64, on one device.

    **Returns:** `(s_re_BNHP, s_im_BNHP)`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("propagator", u_BNHP=u_BNHP, a_BNH=a_BNH, w_H=w_H, energy_H=energy_H, eta_H=eta_H)
    if selected(u_BNHP) == "reference":
        return propagator_reference(u_BNHP, a_BNH, w_H, energy_H, eta_H)
    return _operator(u_BNHP, a_BNH, w_H, energy_H, eta_H)[:2]


State = tuple[Tensor, Tensor, Tensor, Tensor]


def propagator_from_state(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor, state: State
) -> tuple[Tensor, Tensor, State]:
    """Go on with `propagator` from a state, for inference.

    **Arguments:** those of `propagator`; `state`: `(g_re_BH, g_im_BH, s_re_BHP, s_im_BHP)`, the last g and s
    before, or zeros.

    **Returns:** `(s_re_BNHP, s_im_BNHP, state)`. The state given is left as it is.

    **Raises:** as `propagator`; `ValueError` when a gradient is asked for.
    """
    g_re_BH, g_im_BH, s_re_BHP, s_im_BHP = state
    check_inference(
        "propagator_from_state",
        u_BNHP=u_BNHP,
        a_BNH=a_BNH,
        w_H=w_H,
        energy_H=energy_H,
        eta_H=eta_H,
        g_re_BH=g_re_BH,
        g_im_BH=g_im_BH,
        s_re_BHP=s_re_BHP,
        s_im_BHP=s_im_BHP,
    )
    if selected(u_BNHP) != "numba":
        return _reference(u_BNHP, a_BNH, w_H, energy_H, eta_H, state)
    (s_re_BNHP, s_im_BNHP, _, _), state = _run(u_BNHP, a_BNH, w_H, energy_H, eta_H, state)
    return s_re_BNHP, s_im_BNHP, state


def propagator_reference(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what `propagator` does, step by step in PyTorch's complex numbers."""
    return _reference(u_BNHP, a_BNH, w_H, energy_H, eta_H, _zero_state(u_BNHP))[:2]


def _reference(u_BNHP, a_BNH, w_H, energy_H, eta_H, state):
    *g_BH, s_re_BHP, s_im_BHP = state
    g_re_BNH, g_im_BNH, g_BH = moebius.reference_from_state(a_BNH, w_H * w_H, energy_H, eta_H, *g_BH)
    g_BNH, s_BHP = torch.complex(g_re_BNH, g_im_BNH), torch.complex(s_re_BHP, s_im_BHP)
    s = []
    for t in range(u_BNHP.shape[1]):
        s_BHP = g_BNH[:, t, :, None] * (u_BNHP[:, t] + w_H[:, None] * s_BHP)
        s.append(s_BHP)
    s_BNHP = torch.stack(s, 1) if s else u_BNHP * g_BNH[..., None]
    return s_BNHP.real, s_BNHP.imag, (*g_BH, s_BHP.real.contiguous(), s_BHP.imag.contiguous())


def _zero_state(u_BNHP: Tensor) -> State:
    batch, _, heads, channels = u_BNHP.shape
    zero_BH, zero_BHP = u_BNHP.new_zeros(batch, heads), u_BNHP.new_zeros(batch, heads, channels)
    return zero_BH, zero_BH, zero_BHP, zero_BHP


@torch.library.custom_op("resnetbk::propagator", mutates_args=())
def _operator(
    u_BNHP: Tensor, a_BNH: Tensor, w_H: Tensor, energy_H: Tensor, eta_H: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if selected(u_BNHP) == "triton":
        from resnetbk.kernels.triton import propagator as triton

        return triton.forward(u_BNHP, a_BNH, w_H, energy_H, eta_H)
    return _run(u_BNHP, a_BNH, w_H, energy_H, eta_H, _zero_state(u_BNHP))[0]


def _run(u_BNHP, a_BNH, w_H, energy_H, eta_H, state):
    state = tuple(x.clone(memory_format=torch.contiguous_format) for x in state)
    output = tuple(x.new_empty(x.shape) for x in (u_BNHP, u_BNHP, a_BNH, a_BNH))
    u, a, w, energy, eta, s_re, s_im, g_re, g_im = arrays(u_BNHP, a_BNH, w_H, energy_H, eta_H, *output)
    past_g_re, past_g_im, past_re, past_im = arrays(*state)
    u, s_re, s_im, past_re, past_im = (flat(x) for x in (u, s_re, s_im, past_re, past_im))

    def row(b):
        moebius.forward_row(a[b], w * w, energy, eta, past_g_re[b], past_g_im[b], g_re[b], g_im[b])
        _forward(u[b], w, g_re[b], g_im[b], past_re[b], past_im[b], s_re[b], s_im[b])

    each_row(row, len(u))
    return output, state


@_operator.register_fake
def _(u_BNHP, a_BNH, w_H, energy_H, eta_H):
    return tuple(x.new_empty(x.shape) for x in (u_BNHP, u_BNHP, a_BNH, a_BNH))


@torch.library.custom_op("resnetbk::propagator_backward", mutates_args=())
def _adjoint(
    gs_re_BNHP: Tensor,
    gs_im_BNHP: Tensor,
    u_BNHP: Tensor,
    w_H: Tensor,
    s_re_BNHP: Tensor,
    s_im_BNHP: Tensor,
    g_re_BNH: Tensor,
    g_im_BNH: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    if selected(u_BNHP) == "triton":
        from resnetbk.kernels.triton import propagator as triton

        return triton.backward(gs_re_BNHP, gs_im_BNHP, u_BNHP, w_H, s_re_BNHP, s_im_BNHP, g_re_BNH, g_im_BNH)
    gu_BNHP, ga_BNH = u_BNHP.new_empty(u_BNHP.shape), g_re_BNH.new_empty(g_re_BNH.shape)
    gs_re, gs_im, u, w, s_re, s_im, g_re, g_im, gu, ga = arrays(
        gs_re_BNHP, gs_im_BNHP, u_BNHP, w_H, s_re_BNHP, s_im_BNHP, g_re_BNH, g_im_BNH, gu_BNHP, ga_BNH
    )
    gs_re, gs_im, u, s_re, s_im, gu = (flat(x) for x in (gs_re, gs_im, u, s_re, s_im, gu))
    gg = np.empty((2, *ga.shape), ga.dtype)
    carry_g, carry = np.zeros((2, len(u), *w.shape), w.dtype), np.zeros((2, len(u), u.shape[2]), u.dtype)
    sums = np.zeros((4, len(u), *w.shape), w.dtype)

    def row(b):
        _backward(
            *(gs_re[b], gs_im[b], u[b], w, s_re[b], s_im[b], g_re[b], g_im[b], carry[0, b], carry[1, b]),
            *(gu[b], gg[0, b], gg[1, b], sums[0, b]),
        )
        moebius.backward_row(
            *(gg[0, b], gg[1, b], g_re[b], g_im[b], w * w, carry_g[0, b], carry_g[1, b]),
            *(ga[b], sums[1, b], sums[2, b], sums[3, b]),
        )

    each_row(row, len(u))
    gw, gw2, genergy, geta = (sum_of_rows(x) for x in sums)
    gw += 2 * w * gw2
    return gu_BNHP, ga_BNH, *(torch.from_numpy(x) for x in (gw, genergy, geta))


@_adjoint.register_fake
def _(gs_re_BNHP, gs_im_BNHP, u_BNHP, w_H, s_re_BNHP, s_im_BNHP, g_re_BNH, g_im_BNH):
    return tuple(x.new_empty(x.shape) for x in (u_BNHP, g_re_BNH, w_H, w_H, w_H))


def _save(ctx, inputs, output):
    ctx.save_for_backward(inputs[0], inputs[2], *output)
    ctx.mark_non_differentiable(*output[2:])


def _gradients(ctx, gs_re_BNHP, gs_im_BNHP, *_):
    return _adjoint(gs_re_BNHP, gs_im_BNHP, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("propagator")


# A head's channels are taken GROUP at a time, with its numbers in registers; `count` is a constant there, and LLVM
# makes vectors of it.


@compiled
def _forward(u_NE, w_H, g_re_NH, g_im_NH, past_re_E, past_im_E, s_re_NE, s_im_NE):
    heads = w_H.shape[0]
    channels = u_NE.shape[1] // max(heads, 1)
    for t in range(u_NE.shape[0]):
        u, s_re, s_im = u_NE[t], s_re_NE[t], s_im_NE[t]
        for h in range(heads):
            w, g_re, g_im = w_H[h], g_re_NH[t, h], g_im_NH[t, h]
            end = (h + 1) * channels
            tail = end - channels % GROUP
            for e in range(h * channels, tail, GROUP):
                _advance(GROUP, w, g_re, g_im, u[e:], past_re_E[e:], past_im_E[e:], s_re[e:], s_im[e:])
            _advance(
                *(end - tail, w, g_re, g_im, u[tail:], past_re_E[tail:], past_im_E[tail:]),
                *(s_re[tail:], s_im[tail:]),
            )


@inlined
def _advance(count, w, g_re, g_im, u, past_re, past_im, s_re, s_im):
    for j in range(count):
        v_re, v_im = u[j] + w * past_re[j], w * past_im[j]
        re, im = g_re * v_re - g_im * v_im, g_re * v_im + g_im * v_re
        past_re[j] = re
        past_im[j] = im
        s_re[j] = re
        s_im[j] = im


@compiled
def _backward(
    gs_re_NE,
    gs_im_NE,
    u_NE,
    w_H,
    s_re_NE,
    s_im_NE,
    g_re_NH,
    g_im_NH,
    carry_re_E,
    carry_im_E,
    gu_NE,
    gg_re_NH,
    gg_im_NH,
    gw_H,
):
    length, width = u_NE.shape
    heads = w_H.shape[0]
    channels = width // max(heads, 1)
    gg_re, gg_im = np.empty(width, w_H.dtype), np.empty(width, w_H.dtype)
    none_E, gw = np.zeros(width, w_H.dtype), np.zeros(width, w_H.dtype)
    for t in range(length - 1, -1, -1):
        gs_re, gs_im, u, gu = gs_re_NE[t], gs_im_NE[t], u_NE[t], gu_NE[t]
        past_re = s_re_NE[t - 1] if t > 0 else none_E
        past_im = s_im_NE[t - 1] if t > 0 else none_E
        for h in range(heads - 1, -1, -1):  # downwards, as t goes: the memory is then read in one direction
            w, g_re, g_im = w_H[h], g_re_NH[t, h], g_im_NH[t, h]
            end = (h + 1) * channels
            tail = end - channels % GROUP
            _retreat(
                *(end - tail, w, g_re, g_im, gs_re[tail:], gs_im[tail:], u[tail:], past_re[tail:], past_im[tail:]),
                *(carry_re_E[tail:], carry_im_E[tail:], gu[tail:], gg_re[tail:], gg_im[tail:], gw[tail:]),
            )
            for e in range(tail - GROUP, h * channels - 1, -GROUP):
                _retreat(
                    *(GROUP, w, g_re, g_im, gs_re[e:], gs_im[e:], u[e:], past_re[e:], past_im[e:]),
                    *(carry_re_E[e:], carry_im_E[e:], gu[e:], gg_re[e:], gg_im[e:], gw[e:]),
                )
        sum_heads(gg_re, channels, gg_re_NH[t])
        sum_heads(gg_im, channels, gg_im_NH[t])
    sum_heads(gw, channels, gw_H)


@inlined
def _retreat(count, w, g_re, g_im, gs_re, gs_im, u, past_re, past_im, carry_re, carry_im, gu, gg_re, gg_im, gw):
    for j in range(count):
        re, im = gs_re[j] + carry_re[j], gs_im[j] + carry_im[j]
        v_re, v_im = u[j] + w * past_re[j], w * past_im[j]
        gg_re[j] = v_re * re + v_im * im
        gg_im[j] = v_re * im - v_im * re
        gv_re, gv_im = g_re * re + g_im * im, g_re * im - g_im * re
        gu[j] = gv_re
        gw[j] += past_re[j] * gv_re + past_im[j] * gv_im
        carry_re[j] = w * gv_re
        carry_im[j] = w * gv_im
