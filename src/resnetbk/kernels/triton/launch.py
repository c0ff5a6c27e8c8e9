"""How much of a tensor one program takes."""

from __future__ import annotations

import triton
from torch import Tensor

LANES = 32  # channels a program: one warp, one cache line of float32, and many programs for few sequences
STAGES = 4  # time steps whose loads are under way at once: a step's arithmetic is shorter than its loads


def tile(size: int) -> int:
    """Return the power of two that covers `size`, at least 1."""
    return triton.next_power_of_2(max(size, 1))


def per_heads(x_BNHP: Tensor) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Return the grid, and the last arguments, of a kernel whose programs take LANES channels of whole heads.

    **Returns:** `(sequences, blocks of heads, blocks of channels)`, at least one of these; and length, heads,
    channels, and the constants HEADS, CHANNELS (a program's tile) and STAGES.
    """
    batch, length, heads, channels = x_BNHP.shape
    channels_tile = min(tile(channels), LANES)
    heads_tile = min(tile(heads), LANES // channels_tile)
    grid = batch, triton.cdiv(heads, heads_tile), max(triton.cdiv(channels, channels_tile), 1)
    return grid, (length, heads, channels, heads_tile, channels_tile, STAGES)
