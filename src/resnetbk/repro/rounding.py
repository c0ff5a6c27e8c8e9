"""Floats as a hashed record holds them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# A sum or a norm may differ in its last bits between CPUs; eight digits are more than anyone reads, and so far
# above that noise that it all but never moves the file's hash.
SIGNIFICANT_DIGITS = 8


def rounded(value: Any) -> Any:
    """Round every float in nested lists and dictionaries, None in place of one that is not finite.

    NumPy's scalars and arrays without dimensions count as floats.
    """
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float | np.floating | np.ndarray):
        number = float(value)
        return float(f"{number:.{SIGNIFICANT_DIGITS}g}") + 0.0 if math.isfinite(number) else None  # no minus zero
    return value
