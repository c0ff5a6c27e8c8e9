"""The gated linear recurrence s_t = alpha_t s_{t-1} + u_t, s_{-1} = 0, real, one gate a channel.

Shapes: B batch, N length, E channels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled

LANES = 64  # channels that are worked on together: a few vector registers


def linear_recurrence(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    """Run s_t = alpha_t s_{t-1} + u_t over the second dimension, from s_{-1} = 0.

    **Arguments:** `u_BNE`: inputs; `alpha_BNE`: gates, any real number (|alpha| <= 1 keeps s bounded).
    float32 or float64, on the CPU.

    **Returns:** `s_BNE`, of the same type. Gradients reach both arguments.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("linear_recurrence", u_BNE=u_BNE, alpha_BNE=alpha_BNE)
    return _operator(u_BNE, alpha_BNE)


def linear_recurrence_reference(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    """Do what `linear_recurrence` does, step by step in PyTorch."""
    s_BE = torch.zeros_like(u_BNE[:, :0].sum(1))
    states = []
    for t in range(u_BNE.shape[1]):
        s_BE = alpha_BNE[:, t] * s_BE + u_BNE[:, t]
        states.append(s_BE)
    return torch.stack(states, 1) if states else u_BNE * alpha_BNE


@torch.library.custom_op("resnetbk::linear_recurrence", mutates_args=())
def _operator(u_BNE: Tensor, alpha_BNE: Tensor) -> Tensor:
    u, alpha = arrays(u_BNE, alpha_BNE)
    s = np.empty_like(u)
    _forward(u, alpha, s)
    return torch.from_numpy(s)


@_operator.register_fake
def _(u_BNE, alpha_BNE):
    return torch.empty(u_BNE.shape, dtype=u_BNE.dtype)


@torch.library.custom_op("resnetbk::linear_recurrence_backward", mutates_args=())
def _adjoint(gs_BNE: Tensor, alpha_BNE: Tensor, s_BNE: Tensor) -> tuple[Tensor, Tensor]:
    gs, alpha, s = arrays(gs_BNE, alpha_BNE, s_BNE)
    gu, galpha = np.empty_like(s), np.empty_like(s)
    _backward(gs, alpha, s, gu, galpha)
    return torch.from_numpy(gu), torch.from_numpy(galpha)


@_adjoint.register_fake
def _(gs_BNE, alpha_BNE, s_BNE):
    return torch.empty(s_BNE.shape, dtype=s_BNE.dtype), torch.empty(s_BNE.shape, dtype=s_BNE.dtype)


def _save(ctx, inputs, output):
    ctx.save_for_backward(inputs[1], output)


def _gradients(ctx, gs_BNE):
    return _adjoint(gs_BNE, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)


@compiled
def _forward(u_BNE, alpha_BNE, s_BNE):
    batch, length, width = u_BNE.shape
    blocks = (width + LANES - 1) // LANES
    state = np.empty((blocks, LANES), u_BNE.dtype)
    zero = u_BNE.dtype.type(0)
    for b in range(batch):
        state[:] = zero
        for t in range(length):
            for block in range(blocks):
                first = block * LANES
                last = min(first + LANES, width)
                u, alpha, s = u_BNE[b, t, first:last], alpha_BNE[b, t, first:last], s_BNE[b, t, first:last]
                for j in range(last - first):
                    state[block, j] = alpha[j] * state[block, j] + u[j]
                    s[j] = state[block, j]


@compiled
def _backward(gs_BNE, alpha_BNE, s_BNE, gu_BNE, galpha_BNE):
    batch, length, width = s_BNE.shape
    blocks = (width + LANES - 1) // LANES
    carry = np.empty((blocks, LANES), s_BNE.dtype)
    zero = s_BNE.dtype.type(0)
    for b in range(batch):
        carry[:] = zero
        for t in range(length - 1, -1, -1):
            for block in range(blocks):
                first = block * LANES
                last = min(first + LANES, width)
                gs, alpha = gs_BNE[b, t, first:last], alpha_BNE[b, t, first:last]
                gu, galpha = gu_BNE[b, t, first:last], galpha_BNE[b, t, first:last]
                for j in range(last - first):
                    gu[j] = gs[j] + carry[block, j]
                    carry[block, j] = alpha[j] * gu[j]
                if t == 0:
                    galpha[:] = zero
                    continue
                past = s_BNE[b, t - 1, first:last]
                for j in range(last - first):
                    galpha[j] = gu[j] * past[j]
