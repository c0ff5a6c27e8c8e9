"""FLOPs as torch counts them, against closed forms."""

from __future__ import annotations

import pytest
import torch
from tests.kernels.cases import GENERATOR, KERNELS
from torch.utils.flop_counter import FlopCounterMode

B, N, E = 2, 5, 6
STATES, TAPS = 3, 4  # of the cases
FORWARD_BACKWARD = {  # for each of B N E
    "linear_recurrence": (2, 3),
    "selective_scan": (7 * STATES + 6, 21 * STATES + 22),
    "moebius_scan": (11, 22),
    "propagator": (9 * 11 + 11, 25 * 11 + 22),
    "complex_linear_recurrence": (7 * 19, 16 * 19),
    "state_space_dual": (5 * (5 * STATES + 4), 5 * (14 * STATES + 12)),
    "causal_convolution_silu": (2 * TAPS + 2, 6 * TAPS + 7),
    "gated_rms_norm": (9 + 4 / E, 26 + 7 / E),
}


@pytest.mark.parametrize("name", FORWARD_BACKWARD)
def test_counted_flops(name):
    GENERATOR.manual_seed(0)
    kernel = KERNELS[name]
    arguments = [x.requires_grad_() for x in kernel.inputs(B, N, E).values()]
    counts = []
    with FlopCounterMode(display=False) as counter:
        outputs = kernel.function(*arguments)
        counts.append(counter.get_total_flops())
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.autograd.grad(outputs, arguments, [torch.ones_like(y) for y in outputs])
        counts.append(counter.get_total_flops() - counts[0])
    assert counts == [round(B * N * E * each) for each in FORWARD_BACKWARD[name]]
