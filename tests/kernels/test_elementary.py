"""The kernels' exp, exp2 and softplus against NumPy's in extended precision."""

from __future__ import annotations

import numpy as np
import pytest

from resnetbk.kernels.compilation import compiled
from resnetbk.kernels.elementary import exp, exp2, sigmoid, softplus


@compiled
def exp_of(x, y):
    for i in range(x.shape[0]):
        y[i] = exp(x[i])


@compiled
def sigmoid_of(x, y):
    for i in range(x.shape[0]):
        y[i] = sigmoid(x[i])


@compiled
def exp2_of(x, y):
    for i in range(x.shape[0]):
        y[i] = exp2(x[i])


@compiled
def softplus_of(x, y):
    for i in range(x.shape[0]):
        y[i] = softplus(x[i])


def values(kernel, x):
    y = np.empty_like(x)
    kernel(x, y)
    return y


@pytest.mark.parametrize(("dtype", "lowest", "highest"), [(np.float32, -86.5, 88.7), (np.float64, -707, 709)])
def test_exp_is_within_two_units_in_the_last_place(dtype, lowest, highest):
    for x in (np.linspace(lowest, highest, 200_001), np.linspace(-1, 1, 200_001)):
        x = x.astype(dtype)
        y = values(exp_of, x).astype(np.longdouble)
        error = np.abs(y / np.exp(x.astype(np.longdouble)) - 1).max()
        assert error < 2 * np.finfo(dtype).eps
    assert error > 0  # NumPy's own float32 exp would not do as the reference: it is another polynomial


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values(dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1000, -1000, 1e30, -1e30], dtype)
    np.testing.assert_array_equal(values(exp_of, x), [1, 1, np.inf, 0, np.nan, np.inf, 0, np.inf, 0])
    np.testing.assert_array_equal(values(sigmoid_of, x), [0.5, 0.5, 1, 0, np.nan, 1, 0, 1, 0])


def test_nothing_is_lost_near_the_largest_float32():
    x = np.array([88.4, 88.72], np.float32)
    np.testing.assert_allclose(values(exp_of, x), np.exp(x.astype(float)), rtol=1e-6)


def test_exp_never_falls_where_x_rises():
    y = values(exp_of, np.linspace(-90, 89, 1_000_001).astype(np.float32))
    assert (y[1:] >= y[:-1] * np.float32(1 - 1.2e-7)).all()  # by more than its last bit


@pytest.mark.parametrize(("dtype", "lowest", "highest"), [(np.float32, -125, 127.9), (np.float64, -1021, 1023.9)])
def test_exp2_is_within_two_units_in_the_last_place(dtype, lowest, highest):
    for x in (np.linspace(lowest, highest, 200_001), np.linspace(-1, 1, 200_001)):
        x = x.astype(dtype)
        y = values(exp2_of, x).astype(np.longdouble)
        assert np.abs(y / np.exp2(x.astype(np.longdouble)) - 1).max() < 2 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_of_exp2(dtype):
    x = np.array([0.0, -0.0, 3, np.inf, -np.inf, np.nan, 1e30, -1e30], dtype)
    np.testing.assert_array_equal(values(exp2_of, x), [1, 1, 8, np.inf, 0, np.nan, np.inf, 0])


@pytest.mark.parametrize(("dtype", "lowest", "units"), [(np.float32, -86, 2.5), (np.float64, -700, 4)])
def test_softplus_is_exact_to_its_last_places(dtype, lowest, units):
    for x in (np.linspace(lowest, 100, 200_001), np.linspace(-2, 2, 200_001)):
        x = x.astype(dtype)
        expected = np.logaddexp(np.longdouble(0), x.astype(np.longdouble))
        assert np.abs(values(softplus_of, x) / expected - 1).max() < units * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_special_values_of_softplus(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30], dtype)
    np.testing.assert_array_equal(values(softplus_of, x), np.array([np.inf, 0, np.nan, 1e30, 0], dtype))
