"""Mamba-2's scan: one gate a head over a matrix of states, its input and output maps shared by a group of heads.

    h_t = exp(dt_t A) h_{t-1} + dt_t x_t (outer) B_t,   y_t = h_t C_t + D x_t

Dao and Gu, Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space
Duality (2024), equation (1) with a scalar times identity for A. This is its recurrent form: without matrix units
the chunked one takes no fewer operations, and here no gate is ever divided by another. Only every CHUNK-th state
is stored; the backward pass recomputes a chunk of states and then walks it in reverse.

Shapes: B batch, N length, H heads, P channels a head, E = H P channels, G groups, S states a channel, K chunks,
I steps of a chunk, L lanes, F what the lanes are folded to.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.arguments import arrays, check_arguments, check_inference
from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.elementary import exp
from resnetbk.kernels.flops import register_flops
from resnetbk.kernels.selection import selected
from resnetbk.kernels.threads import each_row, sum_of_rows

# All three are part of the bits: the order in which gradients are summed over channels.
LANES, CHUNK, FOLD = 64, 16, 16


def state_space_dual(
    x_BNHP: Tensor, dt_BNH: Tensor, A_H: Tensor, B_BNGS: Tensor, C_BNGS: Tensor, D_H: Tensor
) -> Tensor:
    """Run Mamba-2's scan over the second dimension, from a state of zero.

    **Arguments:** `x_BNHP`: inputs; `dt_BNH`: step sizes, after softplus and clamp (> 0); `A_H`: decay rates
    (< 0); `B_BNGS`, `C_BNGS`: input and output maps, the first for the first H / G heads, and so on; `D_H`: the
    skip. All float32 or all float64, on one device.

    **Returns:** `y_BNHP`, of the same type. Gradients reach every argument.

    **Raises:** `TypeError`, `ValueError`: see `check_arguments`; `ValueError` when G does not divide H.
    """
    _check(check_arguments, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H)
    if selected(x_BNHP) == "reference":
        return state_space_dual_reference(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H)
    return _operator(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H)[0]


def state_space_dual_from_state(
    x_BNHP: Tensor,
    dt_BNH: Tensor,
    A_H: Tensor,
    B_BNGS: Tensor,
    C_BNGS: Tensor,
    D_H: Tensor,
    state: tuple[Tensor],
) -> tuple[Tensor, tuple[Tensor]]:
    """Go on with `state_space_dual` from a state, without gradients: the next N tokens of a sequence.

    **Arguments:** as of `state_space_dual`; `state`: `(h_BHPS,)`, zeros before the first token; left as it is.

    **Returns:** `y_BNHP`, and the state after these tokens. The bits are the same however a sequence is split.

    **Raises:** as `state_space_dual`; `ValueError` when a gradient would be recorded.
    """
    (h_BHPS,) = state
    _check(check_inference, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BHPS=h_BHPS)
    if selected(x_BNHP) != "numba":
        y_BNHP, h_BHPS = _step_by_step(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BHPS)
        return y_BNHP, (h_BHPS,)
    h_BSHP = h_BHPS.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
    y_BNHP, _ = _scan(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BSHP)
    return y_BNHP, (h_BSHP.permute(0, 2, 3, 1).contiguous(),)


def state_space_dual_reference(
    x_BNHP: Tensor, dt_BNH: Tensor, A_H: Tensor, B_BNGS: Tensor, C_BNGS: Tensor, D_H: Tensor
) -> Tensor:
    """Do what `state_space_dual` does, step by step in PyTorch."""
    h_BHPS = x_BNHP.new_zeros(x_BNHP.shape[0], *x_BNHP.shape[2:], B_BNGS.shape[3])
    return _step_by_step(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BHPS)[0]


def _step_by_step(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BHPS):
    heads_a_group = x_BNHP.shape[2] // B_BNGS.shape[2]
    B_BNHS, C_BNHS = (m_BNGS.repeat_interleave(heads_a_group, 2) for m_BNGS in (B_BNGS, C_BNGS))
    y = []
    for t in range(x_BNHP.shape[1]):
        decay_BH11 = torch.exp(dt_BNH[:, t] * A_H)[..., None, None]
        input_BHP1 = (dt_BNH[:, t, :, None] * x_BNHP[:, t])[..., None]
        h_BHPS = decay_BH11 * h_BHPS + input_BHP1 * B_BNHS[:, t, :, None]
        y.append((h_BHPS * C_BNHS[:, t, :, None]).sum(-1) + D_H[:, None] * x_BNHP[:, t])
    nothing_BNHP = x_BNHP * (dt_BNH * A_H * D_H * B_BNHS.sum(-1) * C_BNHS.sum(-1))[..., None]
    return torch.stack(y, 1) if y else nothing_BNHP, h_BHPS


def _check(check, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, **state):
    tensors = {"x_BNHP": x_BNHP, "dt_BNH": dt_BNH, "A_H": A_H, "B_BNGS": B_BNGS, "C_BNGS": C_BNGS, "D_H": D_H}
    check("state_space_dual_from_state" if state else "state_space_dual", **tensors, **state)
    heads, groups = x_BNHP.shape[2], B_BNGS.shape[2]
    if groups == 0 or heads % groups:
        raise ValueError(
            "state_space_dual: the heads of x must be a multiple of the groups of B and C; "
            f"found {heads} and {groups}"
        )


@torch.library.custom_op("resnetbk::state_space_dual", mutates_args=())
def _operator(
    x_BNHP: Tensor, dt_BNH: Tensor, A_H: Tensor, B_BNGS: Tensor, C_BNGS: Tensor, D_H: Tensor
) -> tuple[Tensor, Tensor]:
    """Return `(y_BNHP, start_BKSHP)`, the states before every CHUNK-th step."""
    if selected(x_BNHP) == "triton":
        from resnetbk.kernels.triton import state_space_dual as triton

        return triton.forward(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H)
    batch, _, heads, channels = x_BNHP.shape
    h_BSHP = x_BNHP.new_zeros(batch, B_BNGS.shape[3], heads, channels)
    return _scan(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BSHP)


def _scan(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BSHP):
    """Return `(y_BNHP, start_BKSHP)`; `h_BSHP` becomes the last state."""
    x, dt, A, B, C, D, h = arrays(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, h_BSHP)
    y = np.empty_like(x)
    start = np.empty(_start_shape(x_BNHP, B_BNGS), x.dtype)
    each_row(lambda b: _forward(x[b], dt[b], A, B[b], C[b], D, h[b], y[b], start[b]), len(x))
    return torch.from_numpy(y), torch.from_numpy(start)


def _start_shape(x_BNHP, B_BNGS):
    batch, length, heads, channels = x_BNHP.shape
    return batch, (length + CHUNK - 1) // CHUNK, B_BNGS.shape[3], heads, channels


@_operator.register_fake
def _(x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H):
    return x_BNHP.new_empty(x_BNHP.shape), x_BNHP.new_empty(_start_shape(x_BNHP, B_BNGS))


@torch.library.custom_op("resnetbk::state_space_dual_backward", mutates_args=())
def _adjoint(
    gy_BNHP: Tensor,
    x_BNHP: Tensor,
    dt_BNH: Tensor,
    A_H: Tensor,
    B_BNGS: Tensor,
    C_BNGS: Tensor,
    D_H: Tensor,
    start_BKSHP: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, dt, A, B, C and D."""
    if selected(x_BNHP) == "triton":
        from resnetbk.kernels.triton import state_space_dual as triton

        return triton.backward(gy_BNHP, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, start_BKSHP)
    gy, x, dt, A, B, C, D, start = arrays(gy_BNHP, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, start_BKSHP)
    gx, gdt, gB, gC = (np.empty_like(v) for v in (x, dt, B, C))
    gA, gD = (np.empty((len(x), len(A)), x.dtype) for _ in range(2))  # a part from each row of the batch

    def work(b: int) -> None:
        _backward(gy[b], x[b], dt[b], A, B[b], C[b], D, start[b], gx[b], gdt[b], gA[b], gB[b], gC[b], gD[b])

    each_row(work, len(x))
    gx, gdt, gA, gB, gC, gD = (torch.from_numpy(v) for v in (gx, gdt, sum_of_rows(gA), gB, gC, sum_of_rows(gD)))
    return gx, gdt, gA, gB, gC, gD


@_adjoint.register_fake
def _(gy_BNHP, x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H, start_BKSHP):
    return tuple(v.new_empty(v.shape) for v in (x_BNHP, dt_BNH, A_H, B_BNGS, C_BNGS, D_H))


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs, output[1])
    ctx.set_materialize_grads(False)


def _gradients(ctx, gy_BNHP, _):
    if gy_BNHP is None:
        return (None,) * 6
    return _adjoint(gy_BNHP, *ctx.saved_tensors)


_operator.register_autograd(_gradients, setup_context=_save)
register_flops("state_space_dual")


@compiled
def _forward(x_NHP, dt_NH, A_H, B_NGS, C_NGS, D_H, h_SHP, y_NHP, start_KSHP):
    """Scan one row of the batch; a block of lanes is LANES neighbouring channels of one group."""
    length, heads, channels = x_NHP.shape
    groups, states = B_NGS.shape[1:]
    width = heads * channels
    x_NE, y_NE, h_SE = x_NHP.reshape(length, width), y_NHP.reshape(length, width), h_SHP.reshape(states, width)
    decay_IL, input_IL, y_IL = _block(CHUNK, x_NE), _block(CHUNK, x_NE), _block(CHUNK, x_NE)
    h_L = np.zeros(LANES, x_NE.dtype)
    for k in range(start_KSHP.shape[0]):
        start_KSHP[k] = h_SHP
        t0 = k * CHUNK
        steps = min(CHUNK, length - t0)
        for g in range(groups):
            for first in range(g * width // groups, (g + 1) * width // groups, LANES):
                lanes = min(LANES, (g + 1) * width // groups - first)
                _load(x_NE, dt_NH, A_H, t0, steps, first, lanes, channels, decay_IL, input_IL)
                for i in range(steps):
                    for j in range(lanes):
                        y_IL[i, j] = D_H[(first + j) // channels] * x_NE[t0 + i, first + j]
                for s in range(states):
                    h_L[:lanes] = h_SE[s, first : first + lanes]
                    _advance(decay_IL, input_IL, B_NGS[:, g, s], C_NGS[:, g, s], t0, steps, h_L, y_IL)
                    h_SE[s, first : first + lanes] = h_L[:lanes]
                y_NE[t0 : t0 + steps, first : first + lanes] = y_IL[:steps, :lanes]


@compiled
def _block(steps, like):
    """Return zeros: a row of lanes for each step."""
    return np.zeros((steps, LANES), like.dtype)


@compiled
def _load(x_NE, dt_NH, A_H, t0, steps, first, lanes, channels, decay_IL, input_IL):
    """Write the gates and inputs of a block and chunk; lanes beyond the block's hold a gate of 1 and no input."""
    zero = x_NE.dtype.type(0)
    for i in range(steps):
        for j in range(LANES):
            decay_IL[i, j] = zero
            input_IL[i, j] = zero
        for j in range(lanes):
            head = (first + j) // channels
            decay_IL[i, j] = dt_NH[t0 + i, head] * A_H[head]
            input_IL[i, j] = dt_NH[t0 + i, head] * x_NE[t0 + i, first + j]
        for j in range(LANES):
            decay_IL[i, j] = exp(decay_IL[i, j])


@compiled
def _advance(decay_IL, input_IL, B_N, C_N, t0, steps, h_L, y_IL):
    """Scan a chunk of one state of a block's channels and add what it gives to y."""
    for i in range(steps):
        b, c = B_N[t0 + i], C_N[t0 + i]
        for j in range(LANES):
            h = decay_IL[i, j] * h_L[j] + input_IL[i, j] * b
            h_L[j] = h
            y_IL[i, j] += h * c


@compiled
def _backward(
    gy_NHP, x_NHP, dt_NH, A_H, B_NGS, C_NGS, D_H, start_KSHP, gx_NHP, gdt_NH, gA_H, gB_NGS, gC_NGS, gD_H
):
    length, heads, channels = x_NHP.shape
    groups, states = B_NGS.shape[1:]
    width = heads * channels
    gy_NE, x_NE = gy_NHP.reshape(length, width), x_NHP.reshape(length, width)
    gx_NE = gx_NHP.reshape(length, width)
    zero = x_NE.dtype.type(0)
    decay_IL, input_IL, gy_IL = _block(CHUNK, x_NE), _block(CHUNK, x_NE), _block(CHUNK, x_NE)
    ginput_IL, gdecay_IL, h_IL = _block(CHUNK, x_NE), _block(CHUNK, x_NE), _block(CHUNK + 1, x_NE)
    gh_L, carry_L = np.zeros(LANES, x_NE.dtype), np.zeros(LANES, x_NE.dtype)
    gB_SIF = np.zeros((states, CHUNK, FOLD), x_NE.dtype)
    gC_SIF = np.zeros((states, CHUNK, FOLD), x_NE.dtype)
    carry_SE = np.zeros((states, width), x_NE.dtype)
    gdt_NH[:] = zero
    gA_H[:] = zero
    gD_H[:] = zero
    for k in range(start_KSHP.shape[0] - 1, -1, -1):
        start_SE = start_KSHP[k].reshape(states, width)
        t0 = k * CHUNK
        steps = min(CHUNK, length - t0)
        for g in range(groups):
            gB_SIF[:] = zero
            gC_SIF[:] = zero
            for first in range(g * width // groups, (g + 1) * width // groups, LANES):
                lanes = min(LANES, (g + 1) * width // groups - first)
                _load(x_NE, dt_NH, A_H, t0, steps, first, lanes, channels, decay_IL, input_IL)
                gy_IL[:] = zero
                gy_IL[:steps, :lanes] = gy_NE[t0 : t0 + steps, first : first + lanes]
                ginput_IL[:] = zero
                gdecay_IL[:] = zero
                h_IL[0] = zero
                carry_L[:] = zero
                for s in range(states):
                    h_IL[0, :lanes] = start_SE[s, first : first + lanes]
                    carry_L[:lanes] = carry_SE[s, first : first + lanes]
                    _recompute(decay_IL, input_IL, B_NGS[:, g, s], gy_IL, t0, steps, h_IL, gC_SIF[s])
                    _retreat(
                        decay_IL,
                        input_IL,
                        B_NGS[:, g, s],
                        C_NGS[:, g, s],
                        gy_IL,
                        h_IL,
                        t0,
                        steps,
                        carry_L,
                        gh_L,
                        ginput_IL,
                        gdecay_IL,
                        gB_SIF[s],
                    )
                    carry_SE[s, first : first + lanes] = carry_L[:lanes]
                for i in range(steps):
                    for j in range(lanes):
                        head = (first + j) // channels
                        gx_NE[t0 + i, first + j] = ginput_IL[i, j] * dt_NH[t0 + i, head] + gy_IL[i, j] * D_H[head]
                        ginput_IL[i, j] *= x_NE[t0 + i, first + j]
                        gdecay_IL[i, j] *= decay_IL[i, j]
                        gy_IL[i, j] *= x_NE[t0 + i, first + j]
                begin = 0
                while begin < lanes:  # the block's heads
                    head = (first + begin) // channels
                    end = min(lanes, (head + 1) * channels - first)
                    for i in range(steps):
                        gexponent = _sum(gdecay_IL[i, begin:end])
                        gdt_NH[t0 + i, head] += _sum(ginput_IL[i, begin:end]) + gexponent * A_H[head]
                        gA_H[head] += gexponent * dt_NH[t0 + i, head]
                        gD_H[head] += _sum(gy_IL[i, begin:end])
                    begin = end
            for i in range(steps):
                for s in range(states):
                    gB_NGS[t0 + i, g, s] = _sum(gB_SIF[s, i])
                    gC_NGS[t0 + i, g, s] = _sum(gC_SIF[s, i])


@compiled
def _recompute(decay_IL, input_IL, B_N, gy_IL, t0, steps, h_IL, gC_IF):
    """Write the states after each step of a chunk, and add the gradient of C, folded."""
    for i in range(steps):
        b = B_N[t0 + i]
        for j in range(LANES):
            h_IL[i + 1, j] = decay_IL[i, j] * h_IL[i, j] + input_IL[i, j] * b
        h, gy, gC = h_IL[i + 1], gy_IL[i], gC_IF[i]
        for j in range(FOLD):
            gC[j] += (h[j] * gy[j] + h[j + 16] * gy[j + 16]) + (h[j + 32] * gy[j + 32] + h[j + 48] * gy[j + 48])


@compiled
def _retreat(decay_IL, input_IL, B_N, C_N, gy_IL, h_IL, t0, steps, carry_L, gh_L, ginput_IL, gdecay_IL, gB_IF):
    """Walk a chunk back: the gradient of each state, and what it adds to those of inputs, gates and B."""
    for i in range(steps - 1, -1, -1):
        b, c = B_N[t0 + i], C_N[t0 + i]
        for j in range(LANES):
            gh = carry_L[j] + gy_IL[i, j] * c
            carry_L[j] = gh * decay_IL[i, j]
            gh_L[j] = gh
            ginput_IL[i, j] += gh * b
            gdecay_IL[i, j] += gh * h_IL[i, j]
        x, gB = input_IL[i], gB_IF[i]
        for j in range(FOLD):
            gB[j] += (gh_L[j] * x[j] + gh_L[j + 16] * x[j + 16]) + (
                gh_L[j + 32] * x[j + 32] + gh_L[j + 48] * x[j + 48]
            )


@compiled
def _sum(x):
    """Add numbers up in one order: four interleaved sums, then those."""
    zero = x.dtype.type(0)
    a, b, c, d = zero, zero, zero, zero
    whole = x.shape[0] - x.shape[0] % 4
    for j in range(0, whole, 4):
        a += x[j]
        b += x[j + 1]
        c += x[j + 2]
        d += x[j + 3]
    for j in range(whole, x.shape[0]):
        a += x[j]
    return (a + b) + (c + d)
