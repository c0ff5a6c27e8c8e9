"""Floats of a hashed record: the last bits of a sum do not move it, the eighth digit does."""

import math

import numpy as np
import pytest

from resnetbk.repro.rounding import rounded


def test_the_last_bits_do_not_count_and_the_eighth_digit_does():
    value = 1.2345678
    assert rounded({"a": [math.nextafter(value, 2)]}) == {"a": [value]} == rounded({"a": [value]})
    assert rounded(value + 1e-7) != value


@pytest.mark.parametrize("value", [np.float64(0.1), np.float32(0.5), np.array(0.25), -0.0, 1e-300])
def test_every_kind_of_float_becomes_pythons(value):
    found = rounded(value)
    assert (type(found), found) == (float, float(value))
    assert math.copysign(1, found) == 1


def test_what_is_not_finite_is_null_and_the_rest_is_left_alone():
    record = [math.nan, np.inf, 3, True, None, "1.23456789012"]
    assert rounded(record) == [None, None, 3, True, None, "1.23456789012"]
