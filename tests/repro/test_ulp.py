"""The distance in units in the last place, against NumPy's nextafter and against counting."""

from __future__ import annotations

import numpy as np
import pytest

from resnetbk.repro.ulp import units_in_last_place


def units(first: float, second: float, dtype: type = np.float32) -> int:
    integers = f"i{np.dtype(dtype).itemsize}"
    return int(units_in_last_place(np.array(first, dtype).view(integers), np.array(second, dtype).view(integers)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_neighbours_are_one_apart_wherever_they_are(dtype: type):
    numbers = np.array([1.0, -1.0, 0.5, 1e-7, 0.0, -0.0, 300.0, np.finfo(dtype).smallest_subnormal], dtype)
    above = np.nextafter(numbers, dtype(np.inf))
    expected = [1, 1, 1, 1, 1, 2, 1, 1]  # from -0.0 to the smallest number over 0.0
    assert [units(a, b, dtype) for a, b in zip(numbers, above, strict=True)] == expected


def test_every_float16_is_as_far_from_zero_as_there_are_numbers_between():
    positive = np.arange(0x7C01, dtype=np.int16)  # 0.0 to infinity
    distance = units_in_last_place(positive, np.zeros_like(positive))
    assert np.array_equal(distance, np.arange(0x7C01))


def test_the_ends_of_float64_do_not_overflow():
    assert units(-np.inf, np.inf, np.float64) == 2 * 0x7FF0000000000000 + 1
    assert units(np.inf, -np.inf, np.float64) == 2 * 0x7FF0000000000000 + 1
    assert units(1.0, 1.0, np.float64) == 0
