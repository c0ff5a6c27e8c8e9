"""Mamba's selective scan, the state of every channel kept in lanes and recomputed backwards.

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t,   y_t = C_t . h_t + D u_t

Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces (2023), equation (2) with the
simplified discretisation of B that their code uses. Only every CHUNK-th state is stored; the backward pass
recomputes a chunk of states and then walks it in reverse.

Shapes: B batch, N length, E channels, S states a channel, K chunks.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.elementary import exp

# All three are part of the bits: the order in which gradients of B and C are summed over channels.
LANES, CHUNK, FOLD = 64, 16, 16


def selective_scan(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor
) -> Tensor:
    """Run Mamba's selective scan over the second dimension, from a state of zero.

    **Arguments:** `u_BNE`: inputs; `dt_BNE`: step sizes, after softplus (> 0); `A_ES`: decay rates (< 0);
    `B_BNS`, `C_BNS`: input and output maps; `D_E`: the skip. All float32 or all float64, on the CPU.

    **Returns:** `y_BNE`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments("selective_scan", u_BNE=u_BNE, dt_BNE=dt_BNE, A_ES=A_ES, B_BNS=B_BNS, C_BNS=C_BNS, D_E=D_E)
    return _operator(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E)[0]


def selective_scan_reference(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor
) -> Tensor:
    """Do what `selective_scan` does, step by step in PyTorch."""
    h_BES = u_BNE.new_zeros(u_BNE.shape[0], *A_ES.shape)
    y = []
    for t in range(u_BNE.shape[1]):
        dt_BE1, u_BE1 = dt_BNE[:, t, :, None], u_BNE[:, t, :, None]
        h_BES = torch.exp(dt_BE1 * A_ES) * h_BES + dt_BE1 * u_BE1 * B_BNS[:, t, None]
        y.append((h_BES * C_BNS[:, t, None]).sum(-1) + D_E * u_BNE[:, t])
    return torch.stack(y, 1) if y else u_BNE * D_E


@torch.library.custom_op("resnetbk::selective_scan", mutates_args=())
def _operator(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor
) -> tuple[Tensor, Tensor]:
    u, dt, A, B, C, D = arrays(u_BNE, dt_BNE, A_ES.t(), B_BNS, C_BNS, D_E)
    y = np.empty_like(u)
    start = np.empty(_start_shape(u_BNE, A_ES), u.dtype)
    _forward(u, dt, A, B, C, D, y, start)
    return torch.from_numpy(y), torch.from_numpy(start)


def _start_shape(u_BNE, A_ES):
    batch, length, width = u_BNE.shape
    return batch, (length + CHUNK - 1) // CHUNK, A_ES.shape[1], width


@_operator.register_fake
def _(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E):
    return torch.empty(u_BNE.shape, dtype=u_BNE.dtype), torch.empty(_start_shape(u_BNE, A_ES), dtype=u_BNE.dtype)


@torch.library.custom_op("resnetbk::selective_scan_backward", mutates_args=())
def _adjoint(
    gy_BNE: Tensor,
    u_BNE: Tensor,
    dt_BNE: Tensor,
    A_ES: Tensor,
    B_BNS: Tensor,
    C_BNS: Tensor,
    D_E: Tensor,
    start_BKSE: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    gy, u, dt, A, B, C, D, start = arrays(gy_BNE, u_BNE, dt_BNE, A_ES.t(), B_BNS, C_BNS, D_E, start_BKSE)
    gu, gdt, gA, gB, gC, gD = (np.empty_like(x) for x in (u, dt, A, B, C, D))
    _backward(gy, u, dt, A, B, C, D, start, gu, gdt, gA, gB, gC, gD)
    gA = np.ascontiguousarray(gA.T)
    gu, gdt, gA, gB, gC, gD = (torch.from_numpy(x) for x in (gu, gdt, gA, gB, gC, gD))
    return gu, gdt, gA, gB, gC, gD


@_adjoint.register_fake
def _(gy_BNE, u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, start_BKSE):
    return tuple(torch.empty(x.shape, dtype=x.dtype) for x in (u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs, output[1])
    ctx.set_materialize_grads(False)


def _gradients(ctx, gy_BNE, _):
    if gy_BNE is None:
        return (None,) * 6
    return _adjoint(gy_BNE, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)

# Rows of a block of lanes. Rows of one array lie a constant distance apart, which is how LLVM knows that they
# do not overlap; over separate arrays it would test at run time, and give up when there are many.
U, DT, INPUT, Y = range(4)  # INPUT is dt u; in the backward pass Y holds the gradient of y
RATE, STATE = range(2)
CARRY, GA, FOR_INPUT, FOR_RATE, FOR_B, FOR_C = range(1, 7)  # after RATE; FOR_x: one state's part of x's gradient
DECAY, PAST = range(2)  # exp(dt_t A) and h_{t-1}


@compiled
def _forward(u_BNE, dt_BNE, A_SE, B_BNS, C_BNS, D_E, y_BNE, start_BKSE):
    batch, length, width = u_BNE.shape
    states = A_SE.shape[0]
    zero = u_BNE.dtype.type(0)
    row = np.zeros((4, LANES), u_BNE.dtype)
    state = np.zeros((states, 2, LANES), u_BNE.dtype)
    for b in range(batch):
        for first in range(0, width, LANES):
            last = min(first + LANES, width)
            row[:] = zero
            state[:] = zero
            for s in range(states):
                state[s, RATE, : last - first] = A_SE[s, first:last]
            skip = D_E[first:last]
            for t in range(length):
                if t % CHUNK == 0:
                    for s in range(states):
                        start_BKSE[b, t // CHUNK, s, first:last] = state[s, STATE, : last - first]
                u, dt, y = u_BNE[b, t, first:last], dt_BNE[b, t, first:last], y_BNE[b, t, first:last]
                for j in range(last - first):
                    row[DT, j] = dt[j]
                    row[INPUT, j] = dt[j] * u[j]
                for j in range(last - first):
                    row[Y, j] = skip[j] * u[j]
                for s in range(states):
                    b_t, c_t = B_BNS[b, t, s], C_BNS[b, t, s]
                    for j in range(LANES):
                        h = exp(row[DT, j] * state[s, RATE, j]) * state[s, STATE, j] + row[INPUT, j] * b_t
                        state[s, STATE, j] = h
                        row[Y, j] += h * c_t
                for j in range(last - first):
                    y[j] = row[Y, j]


@compiled
def _backward(
    gy_BNE, u_BNE, dt_BNE, A_SE, B_BNS, C_BNS, D_E, start_BKSE, gu_BNE, gdt_BNE, gA_SE, gB_BNS, gC_BNS, gD_E
):
    batch, length, width = u_BNE.shape
    states = A_SE.shape[0]
    zero = u_BNE.dtype.type(0)
    row = np.zeros((CHUNK, 4, LANES), u_BNE.dtype)
    sums = np.zeros((2, LANES), u_BNE.dtype)
    state = np.zeros((states, 7, LANES), u_BNE.dtype)
    trace = np.zeros((states, CHUNK + 1, 2, LANES), u_BNE.dtype)
    folded = np.zeros((2, CHUNK, states, FOLD), u_BNE.dtype)
    carry_SE = np.zeros((states, width), u_BNE.dtype)
    gA_SE[:] = zero
    gD_E[:] = zero
    for b in range(batch):
        carry_SE[:] = zero
        for chunk in range(start_BKSE.shape[1] - 1, -1, -1):
            t0 = chunk * CHUNK
            steps = min(CHUNK, length - t0)
            folded[:] = zero
            for first in range(0, width, LANES):
                last = min(first + LANES, width)
                lanes = last - first
                row[:] = zero
                state[:] = zero
                for i in range(steps):
                    u, dt = u_BNE[b, t0 + i, first:last], dt_BNE[b, t0 + i, first:last]
                    gy = gy_BNE[b, t0 + i, first:last]
                    for j in range(lanes):
                        row[i, U, j] = u[j]
                        row[i, DT, j] = dt[j]
                        row[i, INPUT, j] = dt[j] * u[j]
                    for j in range(lanes):
                        row[i, Y, j] = gy[j]
                for s in range(states):
                    state[s, RATE, :lanes] = A_SE[s, first:last]
                    state[s, CARRY, :lanes] = carry_SE[s, first:last]
                    state[s, GA, :lanes] = gA_SE[s, first:last]
                    trace[s, 0, PAST] = zero
                    trace[s, 0, PAST, :lanes] = start_BKSE[b, chunk, s, first:last]
                    for i in range(steps):
                        b_t = B_BNS[b, t0 + i, s]
                        for j in range(LANES):
                            decay = exp(row[i, DT, j] * state[s, RATE, j])
                            trace[s, i, DECAY, j] = decay
                            trace[s, i + 1, PAST, j] = decay * trace[s, i, PAST, j] + row[i, INPUT, j] * b_t
                for i in range(steps - 1, -1, -1):
                    sums[:] = zero
                    for s in range(states):
                        b_t, c_t = B_BNS[b, t0 + i, s], C_BNS[b, t0 + i, s]
                        for j in range(LANES):
                            gh = state[s, CARRY, j] + row[i, Y, j] * c_t
                            carry = gh * trace[s, i, DECAY, j]
                            gexponent = carry * trace[s, i, PAST, j]
                            state[s, CARRY, j] = carry
                            state[s, GA, j] += gexponent * row[i, DT, j]
                            state[s, FOR_INPUT, j] = gh * b_t
                            state[s, FOR_RATE, j] = gexponent * state[s, RATE, j]
                            state[s, FOR_B, j] = gh * row[i, INPUT, j]
                            state[s, FOR_C, j] = trace[s, i + 1, PAST, j] * row[i, Y, j]
                        for j in range(LANES):
                            sums[0, j] += state[s, FOR_INPUT, j]
                            sums[1, j] += state[s, FOR_RATE, j]
                        for k in range(2):
                            part = state[s, FOR_B + k]
                            for j in range(FOLD):
                                folded[k, i, s, j] += (part[j] + part[j + 16]) + (part[j + 32] + part[j + 48])
                    gu, gdt = gu_BNE[b, t0 + i, first:last], gdt_BNE[b, t0 + i, first:last]
                    skip, gskip = D_E[first:last], gD_E[first:last]
                    for j in range(lanes):
                        gu[j] = sums[0, j] * row[i, DT, j] + row[i, Y, j] * skip[j]
                    for j in range(lanes):
                        gdt[j] = sums[0, j] * row[i, U, j] + sums[1, j]
                    for j in range(lanes):
                        gskip[j] += row[i, Y, j] * row[i, U, j]
                for s in range(states):
                    carry_SE[s, first:last] = state[s, CARRY, :lanes]
                    gA_SE[s, first:last] = state[s, GA, :lanes]
            for i in range(steps):
                for s in range(states):
                    gB_BNS[b, t0 + i, s] = _sum(folded[0, i, s])
                    gC_BNS[b, t0 + i, s] = _sum(folded[1, i, s])


@compiled
def _sum(x):
    """Add FOLD numbers in one fixed order, in place."""
    for half in (8, 4, 2, 1):
        for j in range(half):
            x[j] += x[j + half]
    return x[0]
