"""Mamba's selective scan with what stands around it: the softplus of the step size, the skip and the SiLU gate.

    y_t = (C_t . h_t + D u_t) silu(gate_t),   h_t = exp(d_t A) h_{t-1} + d_t B_t u_t,   d_t = softplus(dt_t)

Gu and Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces (2023), equation (2) with the
simplified discretisation of B that their code uses. Only every CHUNK-th state is stored; the backward pass
recomputes a chunk of states and then walks it in reverse.

Shapes: B batch, N length, E channels, S states a channel, K chunks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.channels import GROUP, sum_group
from resnetbk.kernels.compilation import compiled, inlined
from resnetbk.kernels.elementary import exp2, sigmoid, softplus
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row, sum_of_rows

CHUNK = 16
LANES = 64  # part of the bits: the order in which sums over channels are taken
LOG2E = 1 / math.log(2)


def selective_scan(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor, gate_BNE: Tensor
) -> Tensor:
    """Run Mamba's selective scan over the second dimension, from a state of zero.

    **Arguments:** `u_BNE`: inputs; `dt_BNE`: step sizes, before softplus; `A_ES`: decay rates (< 0); `B_BNS`,
    `C_BNS`: input and output maps; `D_E`: the skip; `gate_BNE`: the gate, before SiLU. All float32 or all
    float64, on one device.

    **Returns:** `y_BNE`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`.
    """
    check_arguments(
        "selective_scan",
        u_BNE=u_BNE,
        dt_BNE=dt_BNE,
        A_ES=A_ES,
        B_BNS=B_BNS,
        C_BNS=C_BNS,
        D_E=D_E,
        gate_BNE=gate_BNE,
    )
    if selected(u_BNE) == "reference":
        return selective_scan_reference(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE)
    return _operator(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE)[0]


def selective_scan_from_state(
    u_BNE: Tensor,
    dt_BNE: Tensor,
    A_ES: Tensor,
    B_BNS: Tensor,
    C_BNS: Tensor,
    D_E: Tensor,
    gate_BNE: Tensor,
    state: tuple[Tensor],
) -> tuple[Tensor, tuple[Tensor]]:
    """Go on with `selective_scan` from a state, for inference.

    **Arguments:** those of `selective_scan`; `state`: `(h_BES,)`, the last h of what went before, or zeros.

    **Returns:** `(y_BNE, state)`. The state given is left as it is.

    **Raises:** as `selective_scan`; `ValueError` when a gradient is asked for.
    """
    (h_BES,) = state
    check_inference(
        "selective_scan_from_state",
        u_BNE=u_BNE,
        dt_BNE=dt_BNE,
        A_ES=A_ES,
        B_BNS=B_BNS,
        C_BNS=C_BNS,
        D_E=D_E,
        gate_BNE=gate_BNE,
        h_BES=h_BES,
    )
    if selected(u_BNE) != "numba":
        y_BNE, h_BES = _reference(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, h_BES)
        return y_BNE, (h_BES,)
    h_BSE = h_BES.transpose(1, 2).clone(memory_format=torch.contiguous_format)
    y_BNE, _ = _run(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, h_BSE)
    return y_BNE, (h_BSE.transpose(1, 2).contiguous(),)


def selective_scan_reference(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor, gate_BNE: Tensor
) -> Tensor:
    """Do what `selective_scan` does, step by step in PyTorch."""
    h_BES = u_BNE.new_zeros(u_BNE.shape[0], *A_ES.shape)
    return _reference(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, h_BES)[0]


def _reference(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, h_BES):
    step_BNE = torch.nn.functional.softplus(dt_BNE, threshold=torch.inf)
    y = []
    for t in range(u_BNE.shape[1]):
        step_BE1, u_BE1 = step_BNE[:, t, :, None], u_BNE[:, t, :, None]
        h_BES = torch.exp(step_BE1 * A_ES) * h_BES + step_BE1 * u_BE1 * B_BNS[:, t, None]
        y.append((h_BES * C_BNS[:, t, None]).sum(-1))
    y_BNE = torch.stack(y, 1) if y else torch.zeros_like(u_BNE) * step_BNE
    return (y_BNE + D_E * u_BNE) * torch.nn.functional.silu(gate_BNE), h_BES


@torch.library.custom_op("resnetbk::selective_scan", mutates_args=())
def _operator(
    u_BNE: Tensor, dt_BNE: Tensor, A_ES: Tensor, B_BNS: Tensor, C_BNS: Tensor, D_E: Tensor, gate_BNE: Tensor
) -> tuple[Tensor, Tensor]:
    if selected(u_BNE) == "triton":
        from resnetbk.kernels.triton import selective as triton

        return triton.forward(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE)
    h_BSE = u_BNE.new_zeros(u_BNE.shape[0], A_ES.shape[1], A_ES.shape[0])
    return _run(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, h_BSE)


def _run(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, h_BSE):
    """Run the kernel from a contiguous state, and leave the last one there."""
    y_BNE, start_BKSE = u_BNE.new_empty(u_BNE.shape), u_BNE.new_empty(_start_shape(u_BNE, A_ES))
    u, dt, A, B, C, D, gate, h, y, start = arrays(
        u_BNE, dt_BNE, A_ES.t(), B_BNS, C_BNS, D_E, gate_BNE, h_BSE, y_BNE, start_BKSE
    )
    A2 = A * A.dtype.type(LOG2E)
    each_row(lambda b: _forward(u[b], dt[b], A2, B[b], C[b], D, gate[b], h[b], y[b], start[b]), len(u))
    return y_BNE, start_BKSE


def _start_shape(u_BNE, A_ES):
    batch, length, width = u_BNE.shape
    return batch, (length + CHUNK - 1) // CHUNK, A_ES.shape[1], width


@_operator.register_fake
def _(u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE):
    return u_BNE.new_empty(u_BNE.shape), u_BNE.new_empty(_start_shape(u_BNE, A_ES))


@torch.library.custom_op("resnetbk::selective_scan_backward", mutates_args=())
def _adjoint(
    gy_BNE: Tensor,
    u_BNE: Tensor,
    dt_BNE: Tensor,
    A_ES: Tensor,
    B_BNS: Tensor,
    C_BNS: Tensor,
    D_E: Tensor,
    gate_BNE: Tensor,
    start_BKSE: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    if selected(u_BNE) == "triton":
        from resnetbk.kernels.triton import selective as triton

        return triton.backward(gy_BNE, u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, start_BKSE)
    gu_BNE, gdt_BNE, gB_BNS, gC_BNS, ggate_BNE = (
        x.new_empty(x.shape) for x in (u_BNE, dt_BNE, B_BNS, C_BNS, gate_BNE)
    )
    gy, u, dt, A, B, C, D, gate, start, gu, gdt, gB, gC, ggate = arrays(
        *(gy_BNE, u_BNE, dt_BNE, A_ES.t(), B_BNS, C_BNS, D_E, gate_BNE, start_BKSE),
        *(gu_BNE, gdt_BNE, gB_BNS, gC_BNS, ggate_BNE),
    )
    A2 = A * A.dtype.type(LOG2E)
    gA, gD = np.zeros((len(u), *A.shape), A.dtype), np.zeros((len(u), *D.shape), D.dtype)
    each_row(
        lambda b: _backward(
            *(gy[b], u[b], dt[b], A, A2, B[b], C[b], D, gate[b], start[b]),
            *(gu[b], gdt[b], gA[b], gB[b], gC[b], gD[b], ggate[b]),
        ),
        len(u),
    )
    gA_ES = torch.from_numpy(np.ascontiguousarray(sum_of_rows(gA).T))
    return gu_BNE, gdt_BNE, gA_ES, gB_BNS, gC_BNS, torch.from_numpy(sum_of_rows(gD)), ggate_BNE


@_adjoint.register_fake
def _(gy_BNE, u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE, start_BKSE):
    return tuple(x.new_empty(x.shape) for x in (u_BNE, dt_BNE, A_ES, B_BNS, C_BNS, D_E, gate_BNE))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs, output[1])
    ctx.set_materialize_grads(False)


def _gradients(ctx, gy_BNE, _):
    if gy_BNE is None:
        return (None,) * 7
    return _adjoint(gy_BNE, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("selective_scan")


# The loops over channels are functions of rows: their arguments do not overlap, which is how LLVM knows that it
# may vectorise them. LANES channels of all that one step touches stay in the first-level cache.


@compiled
def _forward(u_NE, dt_NE, A2_SE, B_NS, C_NS, D_E, gate_NE, h_SE, y_NE, start_KSE):
    length, width = u_NE.shape
    states = A2_SE.shape[0]
    step_L, input_L = np.empty(LANES, u_NE.dtype), np.empty(LANES, u_NE.dtype)
    for t0 in range(0, length, CHUNK):  # outermost, so that a row's neighbours are still near when they are needed
        for first in range(0, width, LANES):
            last = min(first + LANES, width)
            for s in range(states):
                start_KSE[t0 // CHUNK, s, first:last] = h_SE[s, first:last]
            for t in range(t0, min(t0 + CHUNK, length)):
                u, y = u_NE[t, first:last], y_NE[t, first:last]
                _discretise(dt_NE[t, first:last], u, step_L, input_L)
                _skip(D_E[first:last], u, y)
                for s in range(states):
                    _advance(step_L, input_L, A2_SE[s, first:last], B_NS[t, s], C_NS[t, s], h_SE[s, first:last], y)
                _gate(gate_NE[t, first:last], y)


@inlined
def _discretise(dt, u, step, input_):
    for j in range(u.shape[0]):
        d = softplus(dt[j])
        step[j] = d
        input_[j] = d * u[j]


@inlined
def _skip(D, u, y):
    for j in range(u.shape[0]):
        y[j] = D[j] * u[j]


@inlined
def _advance(step, input_, rate2, b, c, h, y):
    for j in range(y.shape[0]):
        new = exp2(step[j] * rate2[j]) * h[j] + input_[j] * b
        h[j] = new
        y[j] += new * c


@inlined
def _gate(gate, y):
    for j in range(y.shape[0]):
        y[j] *= gate[j] * sigmoid(gate[j])


@compiled
def _backward(
    gy_NE,
    u_NE,
    dt_NE,
    A_SE,
    A2_SE,
    B_NS,
    C_NS,
    D_E,
    gate_NE,
    start_KSE,
    gu_NE,
    gdt_NE,
    gA_SE,
    gB_NS,
    gC_NS,
    gD_E,
    ggate_NE,
):
    length, width = u_NE.shape
    states = A_SE.shape[0]
    dtype = u_NE.dtype
    step_IL, input_IL = np.empty((CHUNK, LANES), dtype), np.empty((CHUNK, LANES), dtype)
    ginput_IL, gstep_IL = np.empty((CHUNK, LANES), dtype), np.empty((CHUNK, LANES), dtype)
    core_IL, gcore_IL = np.empty((CHUNK, LANES), dtype), np.empty((CHUNK, LANES), dtype)  # of C . h + D u
    decay_IL, h_IL = np.empty((CHUNK, LANES), dtype), np.empty((CHUNK + 1, LANES), dtype)
    for_b_L, for_c_L = np.zeros(LANES, dtype), np.zeros(LANES, dtype)
    gB_ISG, gC_ISG = np.empty((CHUNK, states, GROUP), dtype), np.empty((CHUNK, states, GROUP), dtype)
    carry_SE = np.zeros((states, width), dtype)
    for chunk in range(start_KSE.shape[0] - 1, -1, -1):
        t0 = chunk * CHUNK
        steps = min(CHUNK, length - t0)
        gB_ISG[:] = dtype.type(0)
        gC_ISG[:] = dtype.type(0)
        for first in range(0, width, LANES):
            last = min(first + LANES, width)
            lanes = last - first
            for_b_L[lanes:] = dtype.type(0)
            for_c_L[lanes:] = dtype.type(0)
            for i in range(steps):
                t = t0 + i
                u = u_NE[t, first:last]
                _discretise(dt_NE[t, first:last], u, step_IL[i], input_IL[i])
                _skip(D_E[first:last], u, core_IL[i])
                _through_gate(gy_NE[t, first:last], gate_NE[t, first:last], gcore_IL[i])
                ginput_IL[i] = dtype.type(0)
                gstep_IL[i] = dtype.type(0)
            for s in range(states):
                h_IL[0, :lanes] = start_KSE[chunk, s, first:last]
                for i in range(steps):
                    _recompute(
                        *(step_IL[i], input_IL[i], A2_SE[s, first:last], B_NS[t0 + i, s], C_NS[t0 + i, s]),
                        *(h_IL[i], decay_IL[i], h_IL[i + 1], core_IL[i]),
                    )
                for i in range(steps - 1, -1, -1):
                    _retreat(
                        *(step_IL[i], input_IL[i], A_SE[s, first:last], B_NS[t0 + i, s], C_NS[t0 + i, s]),
                        *(h_IL[i], decay_IL[i], h_IL[i + 1], gcore_IL[i]),
                        *(carry_SE[s, first:last], gA_SE[s, first:last], ginput_IL[i], gstep_IL[i]),
                        *(for_b_L, for_c_L),
                    )
                    _fold(for_b_L, gB_ISG[i, s])
                    _fold(for_c_L, gC_ISG[i, s])
            for i in range(steps):
                t = t0 + i
                u, dt, gate = u_NE[t, first:last], dt_NE[t, first:last], gate_NE[t, first:last]
                _finish_u(
                    u,
                    D_E[first:last],
                    step_IL[i],
                    gcore_IL[i],
                    ginput_IL[i],
                    gu_NE[t, first:last],
                    gD_E[first:last],
                )
                _finish_dt(u, dt, ginput_IL[i], gstep_IL[i], gdt_NE[t, first:last])
                _finish_gate(gy_NE[t, first:last], gate, core_IL[i], ggate_NE[t, first:last])
        for i in range(steps):
            for s in range(states):
                gB_NS[t0 + i, s] = sum_group(gB_ISG[i, s])
                gC_NS[t0 + i, s] = sum_group(gC_ISG[i, s])


@inlined
def _through_gate(gy, gate, gcore):
    for j in range(gy.shape[0]):
        gcore[j] = gy[j] * (gate[j] * sigmoid(gate[j]))


@inlined
def _recompute(step, input_, rate2, b, c, h, decay, h_next, core):
    for j in range(rate2.shape[0]):
        d = exp2(step[j] * rate2[j])
        new = d * h[j] + input_[j] * b
        decay[j] = d
        h_next[j] = new
        core[j] += new * c


@inlined
def _retreat(step, input_, rate, b, c, h, decay, h_next, gcore, carry, grate, ginput, gstep, for_b, for_c):
    for j in range(rate.shape[0]):
        gh = carry[j] + gcore[j] * c
        back = gh * decay[j]
        gexponent = back * h[j]
        carry[j] = back
        grate[j] += gexponent * step[j]
        gstep[j] += gexponent * rate[j]
        ginput[j] += gh * b
        for_b[j] = gh * input_[j]
        for_c[j] = h_next[j] * gcore[j]


@inlined
def _fold(x, folded):
    """Add LANES numbers to GROUP."""
    for j in range(GROUP):
        folded[j] += (x[j] + x[j + 16]) + (x[j + 32] + x[j + 48])


@inlined
def _finish_u(u, D, step, gcore, ginput, gu, gD):
    for j in range(u.shape[0]):
        gu[j] = ginput[j] * step[j] + gcore[j] * D[j]
        gD[j] += gcore[j] * u[j]


@inlined
def _finish_dt(u, dt, ginput, gstep, gdt):
    for j in range(u.shape[0]):
        gdt[j] = (ginput[j] * u[j] + gstep[j]) * sigmoid(dt[j])


@inlined
def _finish_gate(gy, gate, core, ggate):
    one = gy.dtype.type(1)
    for j in range(gy.shape[0]):
        open_ = sigmoid(gate[j])
        ggate[j] = gy[j] * core[j] * (open_ * (one + gate[j] * (one - open_)))
