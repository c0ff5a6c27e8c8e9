"""The two scans at one thread: the propagator against a copy of its bytes, the selective scan by the state.

B batch, N length, E channels, H heads, P channels a head, S states a channel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from resnetbk.benchmark.paired import Ratio, Spread, interleaved, paired_ratio, spread, threads
from resnetbk.benchmark.settings import ScanShape
from resnetbk.kernels.propagator import propagator
from resnetbk.kernels.selective import selective_scan


def propagator_against_copy(shape: ScanShape, repeats: int) -> Ratio:
    """Compare the propagator scan, forward and backward, with copying the bytes that it must touch.

    It must read u and a and write s and g (which the way back needs); then read the gradient of s, u, s and g
    and write the gradients of u and a. A copy of half as many bytes reads one half and writes the other: it
    moves exactly the same traffic, into memory that is allocated anew as the scan's results are.

    **Arguments:** `shape`: of the scan, in float32; `repeats`: pairs that are timed.
    **Returns:** the time of the copy over the time of the scan.
    """
    draw = torch.Generator().manual_seed(0)
    channels = shape.channels // shape.heads
    u_BNHP = torch.randn(shape.batch, shape.length, shape.heads, channels, generator=draw).requires_grad_()
    a_BNH = (2 + torch.rand(shape.batch, shape.length, shape.heads, generator=draw)).requires_grad_()
    w_H = torch.ones(shape.heads, requires_grad=True)
    energy_H = torch.zeros(shape.heads, requires_grad=True)
    eta_H = torch.full((shape.heads,), 1e-2, requires_grad=True)
    inputs = (u_BNHP, a_BNH, w_H, energy_H, eta_H)
    cotangents = tuple(torch.randn(u_BNHP.shape, generator=draw) for _ in range(2))

    def scan() -> tuple[Tensor, ...]:
        return torch.autograd.grad(propagator(*inputs), inputs, cotangents)

    u, g = u_BNHP.numel(), a_BNH.numel()  # s and its gradient are two of u's size, g is two of a's
    forward = [torch.empty((u + g + 2 * u + 2 * g) // 2)]
    backward = [torch.empty((2 * u + u + 2 * u + 2 * g + u + g) // 2)]

    def copy() -> list[Tensor]:
        return [part.clone() for part in (*forward, *backward)]

    with threads(1):
        scan(), copy()
        return paired_ratio(copy, scan, repeats)


def selective_scan_times(shape: ScanShape, repeats: int) -> dict[str, Spread]:
    """Time the selective scan of one layer of Mamba, float32, at one thread.

    **Arguments:** `shape`: of the scan; `repeats`: how often it is timed.
    **Returns:** `forward` and `backward`: nanoseconds per element-state, of which there are B N E S.
    """
    draw = torch.Generator().manual_seed(0)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=draw)

    batch, length, channels, states = shape.batch, shape.length, shape.channels, shape.states
    inputs = (
        normal(batch, length, channels),
        normal(batch, length, channels) - 4,  # softplus of it is a step of about 0.02, as Mamba starts with
        -torch.arange(1.0, states + 1).expand(channels, states).contiguous(),
        normal(batch, length, states),
        normal(batch, length, states),
        torch.ones(channels),
        normal(batch, length, channels),
    )
    inputs = tuple(tensor.requires_grad_() for tensor in inputs)
    cotangent_BNE = normal(batch, length, channels)
    outputs: list[Tensor] = []

    def forward() -> None:
        outputs[:] = [selective_scan(*inputs)]

    def backward() -> None:
        torch.autograd.grad(outputs, inputs, cotangent_BNE)

    with threads(1):
        interleaved([forward, backward], 1)
        taken = interleaved([forward, backward], repeats)
    scale = 1e9 / (batch * length * channels * states)
    return {
        way: spread([scale * seconds for seconds in times])
        for way, times in zip(("forward", "backward"), taken, strict=True)
    }
