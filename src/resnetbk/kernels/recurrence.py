"""The gated linear recurrence s_t = alpha_t s_{t-1} + u_t, s_{-1} = 0, real, one gate a channel.

Shapes: B batch, N length, E channels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row


def linear_recurrence(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    """Run s_t = alpha_t s_{t-1} + u_t over the second dimension, from s_{-1} = 0.

    **Arguments:** `u_BNE`: inputs; `alpha_BNE`: gates, any real number (|alpha| <= 1 keeps s bounded). Both
    float32 or both float64, on one device.

    **Returns:** `s_BNE`, of the same type. Gradients reach both arguments.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("linear_recurrence", u_BNE=u_BNE, alpha_BNE=alpha_BNE)
    if selected(u_BNE) == "reference":
        return linear_recurrence_reference(u_BNE, alpha_BNE)
    return _operator(u_BNE, alpha_BNE)


def linear_recurrence_from_state(
    u_BNE: Tensor, alpha_BNE: Tensor, state: tuple[Tensor]
) -> tuple[Tensor, tuple[Tensor]]:
    """Go on with `linear_recurrence` from a state, for inference.

    **Arguments:** those of `linear_recurrence`; `state`: `(s_BE,)`, the last s of what went before, or zeros.

    **Returns:** `(s_BNE, state)`. The state given is left as it is.

    **Raises:** as `linear_recurrence`; `ValueError` when a gradient is asked for.
    """
    (s_BE,) = state
    check_inference("linear_recurrence_from_state", u_BNE=u_BNE, alpha_BNE=alpha_BNE, s_BE=s_BE)
    if selected(u_BNE) != "numba":
        s_BNE, s_BE = _reference(u_BNE, alpha_BNE, s_BE)
        return s_BNE, (s_BE,)
    s_BNE, s_BE = _run(u_BNE, alpha_BNE, s_BE.clone())
    return s_BNE, (s_BE,)


def linear_recurrence_reference(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    """Do what `linear_recurrence` does, step by step in PyTorch."""
    return _reference(u_BNE, alpha_BNE, torch.zeros_like(u_BNE[:, :0].sum(1)))[0]


def _reference(u_BNE: Tensor, alpha_BNE: Tensor, s_BE: Tensor) -> tuple[Tensor, Tensor]:
    states = []
    for t in range(u_BNE.shape[1]):
        s_BE = alpha_BNE[:, t] * s_BE + u_BNE[:, t]
        states.append(s_BE)
    return torch.stack(states, 1) if states else u_BNE * alpha_BNE, s_BE


@torch.library.custom_op("resnetbk::linear_recurrence", mutates_args=())
def _operator(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    if selected(u_BNE) == "triton":
        from resnetbk.kernels.triton import recurrence as triton

        return triton.forward(u_BNE, alpha_BNE)
    return _run(u_BNE, alpha_BNE, u_BNE.new_zeros(u_BNE.shape[0], u_BNE.shape[2]))[0]


def _run(u_BNE: Tensor, alpha_BNE: Tensor, s_BE: Tensor) -> tuple[Tensor, Tensor]:
    """Run the kernel from a state, which becomes the last one."""
    u, alpha, state = arrays(u_BNE, alpha_BNE, s_BE)
    s = np.empty_like(u)
    each_row(lambda b: _forward(u[b], alpha[b], state[b], s[b]), len(u))
    return torch.from_numpy(s), torch.from_numpy(state)


@_operator.register_fake
def _(u_BNE, alpha_BNE):
    return u_BNE.new_empty(u_BNE.shape)


@torch.library.custom_op("resnetbk::linear_recurrence_backward", mutates_args=())
def _adjoint(gs_BNE: Tensor, alpha_BNE: Tensor, s_BNE: Tensor) -> tuple[Tensor, Tensor]:
    if selected(s_BNE) == "triton":
        from resnetbk.kernels.triton import recurrence as triton

        return triton.backward(gs_BNE, alpha_BNE, s_BNE)
    gs, alpha, s = arrays(gs_BNE, alpha_BNE, s_BNE)
    gu, galpha, carry = np.empty_like(s), np.empty_like(s), np.zeros_like(s, shape=(len(s), s.shape[2]))
    each_row(lambda b: _backward(gs[b], alpha[b], s[b], carry[b], gu[b], galpha[b]), len(s))
    return torch.from_numpy(gu), torch.from_numpy(galpha)


@_adjoint.register_fake
def _(gs_BNE, alpha_BNE, s_BNE):
    return s_BNE.new_empty(s_BNE.shape), s_BNE.new_empty(s_BNE.shape)


def _save(ctx, inputs, output):
    ctx.save_for_backward(inputs[1], output)


def _gradients(ctx, gs_BNE):
    return _adjoint(gs_BNE, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("linear_recurrence")


@compiled
def _forward(u_NE, alpha_NE, state_E, s_NE):
    length, width = u_NE.shape
    for t in range(length):
        u, alpha, s = u_NE[t], alpha_NE[t], s_NE[t]
        for e in range(width):
            state = alpha[e] * state_E[e] + u[e]
            state_E[e] = state
            s[e] = state


@compiled
def _backward(gs_NE, alpha_NE, s_NE, carry_E, gu_NE, galpha_NE):
    length, width = s_NE.shape
    zero = s_NE.dtype.type(0)
    for t in range(length - 1, -1, -1):
        gs, alpha, gu, galpha = gs_NE[t], alpha_NE[t], gu_NE[t], galpha_NE[t]
        past = s_NE[max(t - 1, 0)]
        for e in range(width):
            x = gs[e] + carry_E[e]
            gu[e] = x
            galpha[e] = x * past[e]
            carry_E[e] = alpha[e] * x
        if t == 0:
            galpha[:] = zero
