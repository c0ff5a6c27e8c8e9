"""The linear recurrence s_t = alpha_t s_{t-1} + u_t, s_{-1} = 0, with one complex gate a head and real inputs.

Complex numbers are pairs of real arrays; a cotangent is dL/d Re + i dL/d Im, and the adjoint multiplies it by
conjugates.

Shapes: B batch, N length, H heads, P channels a head; in the kernels E = H P.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.channels import fill, flat, sum_heads
from resnetbk.kernels.compilation import compiled, inlined
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row


def complex_linear_recurrence(u_BNHP: Tensor, alpha_re_BNH: Tensor, alpha_im_BNH: Tensor) -> tuple[Tensor, Tensor]:
    """Run s_t = alpha_t s_{t-1} + u_t over the second dimension, from s_{-1} = 0.

    **Arguments:** `u_BNHP`: inputs; `alpha_re_BNH`, `alpha_im_BNH`: gates, any complex number (|alpha| <= 1 keeps
    s bounded). All float32 or all float64, on one device.

    **Returns:** `(s_re_BNHP, s_im_BNHP)`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments(
        "complex_linear_recurrence", u_BNHP=u_BNHP, alpha_re_BNH=alpha_re_BNH, alpha_im_BNH=alpha_im_BNH
    )
    if selected(u_BNHP) == "reference":
        return complex_linear_recurrence_reference(u_BNHP, alpha_re_BNH, alpha_im_BNH)
    return _operator(u_BNHP, alpha_re_BNH, alpha_im_BNH)


def complex_linear_recurrence_from_state(
    u_BNHP: Tensor, alpha_re_BNH: Tensor, alpha_im_BNH: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Go on with `complex_linear_recurrence` from a state, for inference.

    **Arguments:** those of `complex_linear_recurrence`; `state`: `(s_re_BHP, s_im_BHP)`, the last s of what went
    before, or zeros.

    **Returns:** `(s_re_BNHP, s_im_BNHP, state)`. The state given is left as it is.

    **Raises:** as `complex_linear_recurrence`; `ValueError` when a gradient is asked for.
    """
    s_re_BHP, s_im_BHP = state
    check_inference(
        "complex_linear_recurrence_from_state",
        u_BNHP=u_BNHP,
        alpha_re_BNH=alpha_re_BNH,
        alpha_im_BNH=alpha_im_BNH,
        s_re_BHP=s_re_BHP,
        s_im_BHP=s_im_BHP,
    )
    run = _run if selected(u_BNHP) == "numba" else _reference
    return run(u_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BHP, s_im_BHP)


def complex_linear_recurrence_reference(
    u_BNHP: Tensor, alpha_re_BNH: Tensor, alpha_im_BNH: Tensor
) -> tuple[Tensor, Tensor]:
    """Do what `complex_linear_recurrence` does, step by step in PyTorch's complex numbers."""
    zero_BHP = torch.zeros_like(u_BNHP[:, :0].sum(1))
    return _reference(u_BNHP, alpha_re_BNH, alpha_im_BNH, zero_BHP, zero_BHP)[:2]


def _reference(u_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BHP, s_im_BHP):
    alpha_BNH, s_BHP = torch.complex(alpha_re_BNH, alpha_im_BNH), torch.complex(s_re_BHP, s_im_BHP)
    s = []
    for t in range(u_BNHP.shape[1]):
        s_BHP = alpha_BNH[:, t, :, None] * s_BHP + u_BNHP[:, t]
        s.append(s_BHP)
    s_BNHP = torch.stack(s, 1) if s else u_BNHP * alpha_BNH[..., None]
    return s_BNHP.real, s_BNHP.imag, (s_BHP.real.contiguous(), s_BHP.imag.contiguous())


@torch.library.custom_op("resnetbk::complex_linear_recurrence", mutates_args=())
def _operator(u_BNHP: Tensor, alpha_re_BNH: Tensor, alpha_im_BNH: Tensor) -> tuple[Tensor, Tensor]:
    if selected(u_BNHP) == "triton":
        from resnetbk.kernels.triton import complex_recurrence as triton

        return triton.forward(u_BNHP, alpha_re_BNH, alpha_im_BNH)
    zero_BHP = u_BNHP.new_zeros(u_BNHP.shape[0], *u_BNHP.shape[2:])
    return _run(u_BNHP, alpha_re_BNH, alpha_im_BNH, zero_BHP, zero_BHP)[:2]


def _run(u_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BHP, s_im_BHP):
    state = (
        s_re_BHP.clone(memory_format=torch.contiguous_format),
        s_im_BHP.clone(memory_format=torch.contiguous_format),
    )
    s_re_BNHP, s_im_BNHP = u_BNHP.new_empty(u_BNHP.shape), u_BNHP.new_empty(u_BNHP.shape)
    u, alpha_re, alpha_im, past_re, past_im, s_re, s_im = arrays(
        u_BNHP, alpha_re_BNH, alpha_im_BNH, *state, s_re_BNHP, s_im_BNHP
    )
    u, past_re, past_im, s_re, s_im = (flat(x) for x in (u, past_re, past_im, s_re, s_im))
    each_row(lambda b: _forward(u[b], alpha_re[b], alpha_im[b], past_re[b], past_im[b], s_re[b], s_im[b]), len(u))
    return s_re_BNHP, s_im_BNHP, state


@_operator.register_fake
def _(u_BNHP, alpha_re_BNH, alpha_im_BNH):
    return u_BNHP.new_empty(u_BNHP.shape), u_BNHP.new_empty(u_BNHP.shape)


@torch.library.custom_op("resnetbk::complex_linear_recurrence_backward", mutates_args=())
def _adjoint(
    gs_re_BNHP: Tensor,
    gs_im_BNHP: Tensor,
    alpha_re_BNH: Tensor,
    alpha_im_BNH: Tensor,
    s_re_BNHP: Tensor,
    s_im_BNHP: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    if selected(s_re_BNHP) == "triton":
        from resnetbk.kernels.triton import complex_recurrence as triton

        return triton.backward(gs_re_BNHP, gs_im_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BNHP, s_im_BNHP)
    gu_BNHP, galpha_re_BNH, galpha_im_BNH = (x.new_empty(x.shape) for x in (s_re_BNHP, alpha_re_BNH, alpha_im_BNH))
    gs_re, gs_im, alpha_re, alpha_im, s_re, s_im, gu, galpha_re, galpha_im = arrays(
        *(gs_re_BNHP, gs_im_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BNHP, s_im_BNHP),
        *(gu_BNHP, galpha_re_BNH, galpha_im_BNH),
    )
    gs_re, gs_im, s_re, s_im, gu = (flat(x) for x in (gs_re, gs_im, s_re, s_im, gu))
    carry = np.zeros((2, len(gu), gu.shape[2]), gu.dtype)
    each_row(
        lambda b: _backward(
            *(gs_re[b], gs_im[b], alpha_re[b], alpha_im[b], s_re[b], s_im[b], carry[0, b], carry[1, b]),
            *(gu[b], galpha_re[b], galpha_im[b]),
        ),
        len(gu),
    )
    return gu_BNHP, galpha_re_BNH, galpha_im_BNH


@_adjoint.register_fake
def _(gs_re_BNHP, gs_im_BNHP, alpha_re_BNH, alpha_im_BNH, s_re_BNHP, s_im_BNHP):
    return tuple(x.new_empty(x.shape) for x in (s_re_BNHP, alpha_re_BNH, alpha_im_BNH))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs[1:], *output)


def _gradients(ctx, gs_re_BNHP, gs_im_BNHP):
    return _adjoint(gs_re_BNHP, gs_im_BNHP, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("complex_linear_recurrence")


@compiled
def _forward(u_NE, alpha_re_NH, alpha_im_NH, past_re_E, past_im_E, s_re_NE, s_im_NE):
    length, width = u_NE.shape
    channels = width // max(alpha_re_NH.shape[1], 1)
    alpha_re_E, alpha_im_E = np.empty(width, u_NE.dtype), np.empty(width, u_NE.dtype)
    for t in range(length):
        fill(alpha_re_E, alpha_re_NH[t], channels)
        fill(alpha_im_E, alpha_im_NH[t], channels)
        _advance(alpha_re_E, alpha_im_E, u_NE[t], past_re_E, past_im_E, s_re_NE[t], s_im_NE[t])


@inlined
def _advance(alpha_re, alpha_im, u, past_re, past_im, s_re, s_im):
    for e in range(u.shape[0]):
        re = alpha_re[e] * past_re[e] - alpha_im[e] * past_im[e] + u[e]
        im = alpha_re[e] * past_im[e] + alpha_im[e] * past_re[e]
        past_re[e] = re
        past_im[e] = im
        s_re[e] = re
        s_im[e] = im


@compiled
def _backward(
    gs_re_NE,
    gs_im_NE,
    alpha_re_NH,
    alpha_im_NH,
    s_re_NE,
    s_im_NE,
    carry_re_E,
    carry_im_E,
    gu_NE,
    galpha_re_NH,
    galpha_im_NH,
):
    length, width = gu_NE.shape
    dtype = gu_NE.dtype
    channels = width // max(alpha_re_NH.shape[1], 1)
    alpha_re_E, alpha_im_E = np.empty(width, dtype), np.empty(width, dtype)
    galpha_re_E, galpha_im_E, none_E = np.empty(width, dtype), np.empty(width, dtype), np.zeros(width, dtype)
    for t in range(length - 1, -1, -1):
        fill(alpha_re_E, alpha_re_NH[t], channels)
        fill(alpha_im_E, alpha_im_NH[t], channels)
        past_re_E = s_re_NE[t - 1] if t > 0 else none_E
        past_im_E = s_im_NE[t - 1] if t > 0 else none_E
        _retreat(
            *(alpha_re_E, alpha_im_E, gs_re_NE[t], gs_im_NE[t], past_re_E, past_im_E),
            *(carry_re_E, carry_im_E, gu_NE[t], galpha_re_E, galpha_im_E),
        )
        sum_heads(galpha_re_E, channels, galpha_re_NH[t])
        sum_heads(galpha_im_E, channels, galpha_im_NH[t])


@inlined
def _retreat(alpha_re, alpha_im, gs_re, gs_im, past_re, past_im, carry_re, carry_im, gu, galpha_re, galpha_im):
    for e in range(gu.shape[0]):
        re, im = gs_re[e] + carry_re[e], gs_im[e] + carry_im[e]
        gu[e] = re
        galpha_re[e] = past_re[e] * re + past_im[e] * im
        galpha_im[e] = past_re[e] * im - past_im[e] * re
        carry_re[e] = alpha_re[e] * re + alpha_im[e] * im
        carry_im[e] = alpha_re[e] * im - alpha_im[e] * re
