"""exp and its kin from + - * / alone, so that every CPU gives the same bits and LLVM vectorises them.

libm and SVML choose their code by CPU; the polynomials here round the same everywhere. x = n ln 2 + r with
|r| <= ln(2) / 2 (Cody and Waite's two-part ln 2), exp(r) = 1 + r + r^2 p(r), and 2^n is a bit pattern.
log(1 + x) = 2 artanh(x / (2 + x)).
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


def exp(x):
    """Return e^x; inside compiled kernels only. 0 below the normal range, inf above it, NaN for NaN."""
    raise NotImplementedError("compiled kernels only")


def exp2(x):
    """Return 2^x; inside compiled kernels only. 0 below the normal range, inf above it, NaN for NaN."""
    raise NotImplementedError("compiled kernels only")


def sigmoid(x):
    """Return 1 / (1 + e^-x); inside compiled kernels only."""
    raise NotImplementedError("compiled kernels only")


def softplus(x):
    """Return log(1 + e^x); inside compiled kernels only. Its derivative is `sigmoid`."""
    raise NotImplementedError("compiled kernels only")


@overload(exp, inline="always")
def _exp(x):
    return {types.float32: _exp_float32, types.float64: _exp_float64}.get(x)


@overload(exp2, inline="always")
def _exp2(x):
    return {types.float32: _exp2_float32, types.float64: _exp2_float64}.get(x)


@overload(sigmoid, inline="always")
def _sigmoid(x):
    one = {types.float32: np.float32(1), types.float64: 1.0}[x]

    def implementation(x):
        return one / (one + exp(-x))

    return implementation


@overload(softplus, inline="always")
def _softplus(x):
    return {types.float32: _softplus_float32, types.float64: _softplus_float64}.get(x)


@intrinsic
def _power_of_two(typing_context, shifted):
    """Return 2^n of n + 2^(mantissa bits) * 1.5 + bias - 1: its low bits, moved to the exponent's place.

    An intrinsic because Numba widens int32 arithmetic to int64, which stops the vectoriser.
    """
    bits, mantissa = (32, 23) if shifted == types.float32 else (64, 52)

    def codegen(context, builder, signature, arguments):
        integer = builder.bitcast(arguments[0], ir.IntType(bits))
        moved = builder.shl(integer, ir.Constant(ir.IntType(bits), mantissa))
        return builder.bitcast(moved, arguments[0].type)

    return shifted(shifted), codegen


# Twice the coefficients of exp(r), because the bit pattern gives 2^(n - 1): with 2^n, n = 128 would be inf
# already. p(r) minimises the relative error of exp(r) on |r| <= ln(2) / 2 (3e-9 before rounding).
_32 = np.float32
_LOG2E_32 = _32(1.4426950408889634)
_LN2_HIGH_32 = _32(0.693359375)  # 10 bits: n times it is exact
_LN2_LOW_32 = _32(math.log(2) - 0.693359375)
_SHIFT_32 = _32(1.5 * 2**23)
_BIAS_32 = _32(1.5 * 2**23 + 126)
_P0_32, _P1_32, _P2_32, _P3_32, _P4_32 = (
    _32(2 * c) for c in (0.49999993, 0.1666652, 0.0416684, 0.00836885, 0.00138143)
)
_TWO_32, _ZERO_32, _INF_32 = _32(2), _32(0), _32(np.inf)
_LEAST_32, _MOST_32 = _32(-86.6), _32(88.72283)


def _exp_float32(x):
    shifted = x * _LOG2E_32 + _BIAS_32
    n = shifted - _BIAS_32
    r = x - n * _LN2_HIGH_32 - n * _LN2_LOW_32
    p = (((_P4_32 * r + _P3_32) * r + _P2_32) * r + _P1_32) * r + _P0_32
    y = (p * r * r + _TWO_32 * r + _TWO_32) * _power_of_two(shifted)
    y = _ZERO_32 if x < _LEAST_32 else y
    return _INF_32 if x > _MOST_32 else y


_BIAS_64 = 1.5 * 2.0**52 + 1022
_LN2_HIGH_64 = math.ldexp(math.floor(math.ldexp(math.log(2), 32)), -32)
_LN2_LOW_64 = 2.3190468138462996e-17 + (math.log(2) - _LN2_HIGH_64)
_TAYLOR_64 = tuple(2.0 / math.factorial(k) for k in range(14))


def _exp_float64(x):
    shifted = x * 1.4426950408889634 + _BIAS_64
    n = shifted - _BIAS_64
    r = x - n * _LN2_HIGH_64 - n * _LN2_LOW_64
    p = _TAYLOR_64[13]
    for k in range(12, -1, -1):
        p = p * r + _TAYLOR_64[k]
    y = p * _power_of_two(shifted)
    y = 0.0 if x < -707.0 else y
    return np.inf if x > 709.782712893384 else y


# 2^r on |r| <= 1/2, twice, exactly 2 at 0: minimax (3e-9), and the series. The range is clamped beforehand: 2^-127
# has the bits of 0, and 2^128 = 2 * 2^127 is inf. NaN is clamped to neither.
_E1_32, _E2_32, _E3_32, _E4_32, _E5_32, _E6_32 = (
    _32(c) for c in (1.38629443, 0.480453056, 0.111006211, 0.0192353859, 0.00268132878, 0.000311893563)
)
_MOST2_32, _LEAST2_32 = _32(128), _32(-126)
_SERIES_64 = tuple(2.0 * math.log(2) ** k / math.factorial(k) for k in range(14))


def _exp2_float32(x):
    x = _LEAST2_32 if x < _LEAST2_32 else x
    x = _MOST2_32 if x > _MOST2_32 else x
    shifted = x + _BIAS_32
    r = x - (shifted - _BIAS_32)
    p = (((((_E6_32 * r + _E5_32) * r + _E4_32) * r + _E3_32) * r + _E2_32) * r + _E1_32) * r + _TWO_32
    return p * _power_of_two(shifted)


def _exp2_float64(x):
    x = -1022.0 if x < -1022.0 else x
    x = 1024.0 if x > 1024.0 else x
    shifted = x + _BIAS_64
    r = x - (shifted - _BIAS_64)
    p = _SERIES_64[13]
    for k in range(12, -1, -1):
        p = p * r + _SERIES_64[k]
    return p * _power_of_two(shifted)


def _softplus_float32(x):
    positive = _ZERO_32 if x < _ZERO_32 else x  # NaN stays
    e = exp(x if x < -x else -x)
    s = e / (_TWO_32 + e)
    s2 = s * s
    p = (((_S4_32 * s2 + _S3_32) * s2 + _S2_32) * s2 + _S1_32) * s2 + _TWO_32
    return positive + s * p


# 2 artanh(s) / s in powers of s^2 on 0 <= s <= 1/3: minimax (4e-9), and the series
_S1_32, _S2_32, _S3_32, _S4_32 = (_32(c) for c in (0.66666315, 0.4002491, 0.27960603, 0.28178336))
_ARTANH_64 = tuple(2.0 / (2 * k + 1) for k in range(17))


def _softplus_float64(x):
    positive = 0.0 if x < 0.0 else x
    e = exp(x if x < -x else -x)
    s = e / (2.0 + e)
    s2 = s * s
    p = _ARTANH_64[16]
    for k in range(15, -1, -1):
        p = p * s2 + _ARTANH_64[k]
    return positive + s * p
