"""The channels of a head: a head's value written to each, and their sum in one fixed order."""

from __future__ import annotations

import numpy as np

from resnetbk.kernels.compilation import inlined

GROUP = 16  # part of the bits: numbers that far apart are added up first


def flat(x_HP: np.ndarray) -> np.ndarray:
    """View heads and their channels, the last two dimensions, as one."""
    return x_HP.reshape(*x_HP.shape[:-2], x_HP.shape[-2] * x_HP.shape[-1])


@inlined
def fill(row_E, value_H, channels):
    """Write each head's value to all of its channels."""
    whole = channels // GROUP * GROUP
    for h in range(value_H.shape[0]):
        value = value_H[h]
        for first in range(h * channels, h * channels + whole, GROUP):
            for j in range(GROUP):
                row_E[first + j] = value
        for e in range(h * channels + whole, (h + 1) * channels):
            row_E[e] = value


@inlined
def sum_heads(x_E, channels, total_H):
    """Add up each head's channels: groups by halves, which spoils them, then the rest in sequence."""
    whole = channels // GROUP * GROUP
    for h in range(total_H.shape[0]):
        total = x_E.dtype.type(0)
        for first in range(h * channels, h * channels + whole, GROUP):
            total += sum_group(x_E[first : first + GROUP])
        for e in range(h * channels + whole, (h + 1) * channels):
            total += x_E[e]
        total_H[h] = total


@inlined
def sum_group(x):
    """Add GROUP numbers by halves, in place."""
    for j in range(8):
        x[j] += x[j + 8]
    for j in range(4):
        x[j] += x[j + 4]
    return (x[0] + x[2]) + (x[1] + x[3])
