"""How many floating-point operations each kernel takes, for `torch.utils.flop_counter`.

Counted as torch counts: an addition, subtraction, multiplication or division is one, so a multiply-add is two, and
exp, sigmoid, softplus and the square root are one each; a change of sign is none. What the backward pass
recomputes counts, because it is done. Sums over the batch and over a weight's copies do not.

Shapes: B batch, N length, E channels, S states, H heads, P channels a head, K taps.
"""

from __future__ import annotations

import torch
from torch.utils.flop_counter import register_flop_formula


def register_flops(operator: str) -> None:
    """Tell torch the formulas of `resnetbk::<operator>` and of its adjoint, which must be defined already."""
    for name in (operator, f"{operator}_backward"):
        register_flop_formula(getattr(torch.ops.resnetbk, name))(globals()[name])


def moebius_scan(a_BNH, *_, **__) -> int:
    """11 B N H: a - E - w^2 Re g (3), -eta - w^2 Im g (2), 1 / |d|^2 (4), and g (2)."""
    return 11 * _size(a_BNH)


def moebius_scan_backward(gg_re_BNH, *_, **__) -> int:
    """22 B N H: add the carry (2), twice times conj(g) (12), the carry (2), the sums of E, eta and w^2 (6)."""
    return 22 * _size(gg_re_BNH)


def linear_recurrence(u_BNE, *_, **__) -> int:
    """2 B N E."""
    return 2 * _size(u_BNE)


def linear_recurrence_backward(gs_BNE, *_, **__) -> int:
    """3 B N E: add the carry, and one product each for the gate's gradient and the carry."""
    return 3 * _size(gs_BNE)


def complex_linear_recurrence(u_BNHP, *_, **__) -> int:
    """7 B N H P: a complex product (6) and a real addition."""
    return 7 * _size(u_BNHP)


def complex_linear_recurrence_backward(gs_re_BNHP, *_, **__) -> int:
    """16 B N H P: add the carry (2), two complex products (12), and sum over channels (2)."""
    return 16 * _size(gs_re_BNHP)


def propagator(u_BNHP, a_BNH, *_, **__) -> int:
    """9 B N H P: w s (2), add u (1), a complex product (6); and the Moebius scan."""
    return 9 * _size(u_BNHP) + 11 * _size(a_BNH)


def propagator_backward(gs_re_BNHP, gs_im_BNHP, u_BNHP, w_H, s_re_BNHP, s_im_BNHP, g_re_BNH, *_, **__) -> int:
    """25 B N H P: add the carry (2), u + w s (3), two complex products (12), w (4), the carry (2), and sum over
    channels (2); and the Moebius scan's adjoint."""
    return 25 * _size(u_BNHP) + 22 * _size(g_re_BNH)


def selective_scan(u_BNE, dt_BNE, A_ES, *_, **__) -> int:
    """B N E (7 S + 6): d A, exp, the state (3) and C . h (2); softplus, d u, D u, and the gate (3)."""
    return _size(u_BNE) * (7 * A_ES[1] + 6)


def selective_scan_backward(gy_BNE, u_BNE, dt_BNE, A_ES, *_, **__) -> int:
    """B N E (21 S + 22): the states again (7) and backwards gh (2), the carry (1), and the exponent's (1),
    A's (2), d's (2), d u's (2), B's (2) and C's (2) gradients; and what stands around them."""
    return _size(u_BNE) * (21 * A_ES[1] + 22)


def causal_convolution_silu(x_BNE, weight_EK, *_, **__) -> int:
    """B N E (2 K + 2): the taps, the sigmoid and its product."""
    return _size(x_BNE) * (2 * weight_EK[1] + 2)


def causal_convolution_silu_backward(gy_BNE, x_BNE, weight_EK, *_, **__) -> int:
    """B N E (6 K + 7): the taps again and both products backwards, SiLU's slope (6) and the bias's sum."""
    return _size(x_BNE) * (6 * weight_EK[1] + 7)


def gated_rms_norm(x_BNE, *_, **__) -> int:
    """9 B N E: the mean square (2), the norm (2), the skip (2), SiLU (2) and the gate; and 4 B N for the root."""
    return 9 * _size(x_BNE) + 4 * x_BNE[0] * x_BNE[1]


def gated_rms_norm_backward(gy_BNE, x_BNE, *_, **__) -> int:
    """26 B N E: the mean square (2), y and the gate's gradient (11), the sum's (2), u's, skip's (2), weight's (2)
    and the norm's (1), their mean (2) and x's gradient (3); and 7 B N for the root and the mean."""
    return 26 * _size(x_BNE) + 7 * x_BNE[0] * x_BNE[1]


def state_space_dual(x_BNHP, dt_BNH, A_H, B_BNGS, *_, **__) -> int:
    """B N H P (5 S + 4): the state (3) and h C (2); dt A, exp, dt x and D x."""
    return _size(x_BNHP) * (5 * B_BNGS[3] + 4)


def state_space_dual_backward(gy_BNHP, x_BNHP, dt_BNH, A_H, B_BNGS, *_, **__) -> int:
    """B N H P (14 S + 12): the states again (3) and backwards gh (2), the carry (1), and the gradients of the
    input, the decay, B and C (2 each); dt A, exp and dt x (3), x's gradient (3), and dt's, A's and D's (6)."""
    return _size(x_BNHP) * (14 * B_BNGS[3] + 12)


def _size(shape) -> int:
    return torch.Size(shape).numel()
