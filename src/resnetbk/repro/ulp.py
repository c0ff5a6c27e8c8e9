"""Units in the last place: how many floating-point numbers lie between two of them.

Numbers of one format, read as integers, are in the order of their size, but for the sign. So the distance is a
difference of integers, for every format alike: float64, float32, float16, bfloat16 and the 8-bit ones.
"""

from __future__ import annotations

import numpy as np


def units_in_last_place(first_bits: np.ndarray, second_bits: np.ndarray) -> np.ndarray:
    """Return how many steps from one number to the next lead from the first to the second.

    -0.0 and 0.0 are one step apart: their bits differ. Infinity follows the largest number. Of a NaN the result
    means nothing.

    **Arguments:** `first_bits`, `second_bits`: numbers of one floating-point format, viewed as signed integers of
    their width (int8 to int64), any shape.
    **Returns:** unsigned integers of 64 bits, the same shape; 0 where the bits are the same.
    """
    first, second = _ordered(np.atleast_1d(first_bits)), _ordered(np.atleast_1d(second_bits))
    # In uint64 the difference of two int64 is exact, whichever of them are negative.
    steps = np.maximum(first, second).view(np.uint64) - np.minimum(first, second).view(np.uint64)
    return steps.reshape(np.shape(first_bits))


def _ordered(bits: np.ndarray) -> np.ndarray:
    """Map sign and magnitude to integers of the same order: 0.0 to 0, -0.0 to -1."""
    magnitude = bits & np.iinfo(bits.dtype).max
    return np.where(bits < 0, ~magnitude, bits).astype(np.int64)
