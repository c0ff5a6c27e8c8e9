"""Every kernel with its reference and a way to draw inputs that it is meant for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from resnetbk.kernels.complex_recurrence import complex_linear_recurrence, complex_linear_recurrence_reference
from resnetbk.kernels.convolution import causal_convolution_silu, causal_convolution_silu_reference
from resnetbk.kernels.moebius import moebius_scan, moebius_scan_reference
from resnetbk.kernels.norm import gated_rms_norm, gated_rms_norm_reference
from resnetbk.kernels.propagator import propagator, propagator_reference
from resnetbk.kernels.recurrence import linear_recurrence, linear_recurrence_reference
from resnetbk.kernels.selective import selective_scan, selective_scan_reference
from resnetbk.kernels.state_space_dual import state_space_dual, state_space_dual_reference


class Kernel(NamedTuple):
    function: Callable[..., Tensor | tuple[Tensor, ...]]
    reference: Callable[..., Tensor | tuple[Tensor, ...]]
    inputs: Callable[[int, int, int], dict[str, Tensor]]  # batch, length, width -> arguments by name


def randn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR)


def rand(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=GENERATOR)


GENERATOR = torch.Generator()

KERNELS = {
    "linear_recurrence": Kernel(
        linear_recurrence,
        linear_recurrence_reference,
        lambda b, n, e: {"u_BNE": randn(b, n, e), "alpha_BNE": 2 * rand(b, n, e) - 1},
    ),
    "selective_scan": Kernel(
        selective_scan,
        selective_scan_reference,
        lambda b, n, e: {
            "u_BNE": randn(b, n, e),
            "dt_BNE": 2 * randn(b, n, e) - 2,
            "A_ES": -8 * rand(e, 3),
            "B_BNS": randn(b, n, 3),
            "C_BNS": randn(b, n, 3),
            "D_E": randn(e),
            "gate_BNE": 2 * randn(b, n, e),
        },
    ),
    "state_space_dual": Kernel(
        state_space_dual,
        state_space_dual_reference,
        lambda b, n, h: {
            "x_BNHP": randn(b, n, h, 5),
            "dt_BNH": 0.2 * rand(b, n, h),
            "A_H": -8 * rand(h),
            "B_BNGS": randn(b, n, 1, 3),
            "C_BNGS": randn(b, n, 1, 3),
            "D_H": randn(h),
        },
    ),
    "moebius_scan": Kernel(
        moebius_scan,
        moebius_scan_reference,
        lambda b, n, h: {
            "a_BNH": 3 * randn(b, n, h),
            "w2_H": 0.5 + rand(h),
            "energy_H": randn(h),
            "eta_H": 0.3 + rand(h),
        },
    ),
    "propagator": Kernel(
        propagator,
        propagator_reference,
        lambda b, n, h: {
            "u_BNHP": randn(b, n, h, 11),
            "a_BNH": 3 * randn(b, n, h),
            "w_H": 0.5 + rand(h),
            "energy_H": randn(h),
            "eta_H": 0.3 + rand(h),
        },
    ),
    "complex_linear_recurrence": Kernel(
        complex_linear_recurrence,
        complex_linear_recurrence_reference,
        lambda b, n, h: {
            "u_BNHP": randn(b, n, h, 19),
            "alpha_re_BNH": 1.4 * rand(b, n, h) - 0.7,
            "alpha_im_BNH": 1.4 * rand(b, n, h) - 0.7,
        },
    ),
    "causal_convolution_silu": Kernel(
        causal_convolution_silu,
        causal_convolution_silu_reference,
        lambda b, n, e: {"x_BNE": randn(b, n, e), "weight_EK": randn(e, 4), "bias_E": randn(e)},
    ),
    "gated_rms_norm": Kernel(
        partial(gated_rms_norm, epsilon=1e-5),
        partial(gated_rms_norm_reference, epsilon=1e-5),
        lambda b, n, e: {
            "x_BNE": randn(b, n, e),
            "u_BNE": randn(b, n, e),
            "gate_BNE": 3 * randn(b, n, e),
            "weight_E": randn(e),
            "skip_E": randn(e),
        },
    ),
}
