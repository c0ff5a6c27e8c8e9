"""Arithmetic whose bits do not depend on the CPU's vendor.

torch hands products of matrices to MKL's BLAS and functions such as `exp` to MKL's vector library, and both choose
their code by the CPU's vendor. `install` replaces these operators on the CPU by NumPy's and SciPy's, for the whole
process: the products run in OpenBLAS with the kernel that OPENBLAS_CORETYPE names. Measured side by side at one
thread, OpenBLAS's Haswell kernel is as fast as MKL's AVX2 path.

Not covered, and found to differ between an Intel and an AMD CPU: torch.linalg's decompositions and torch.fft; in
float64 also convolutions, `sin`, `cos` and `tanh`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

_LIBRARY: list[torch.library.Library] = []
_DTYPES = (torch.float32, torch.float64)
_Function = Callable[..., Any]


def install() -> None:
    """Replace the vendor-dependent CPU operators of torch by NumPy's, once per process."""
    if _LIBRARY:
        return
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s).*Overriding a previously registered kernel")
        for name, function in _OPERATORS.items():
            library.impl(name, function, "CPU", allow_override=True)
    _LIBRARY.append(library)


def uninstall() -> None:
    """Give torch its own operators back; nothing happens where they were never replaced."""
    _LIBRARY.clear()  # a Library takes its registrations along when it is collected


def installed() -> bool:
    """Return whether the portable operators are in force in this process."""
    return bool(_LIBRARY)


def _array(tensor: torch.Tensor) -> np.ndarray:
    """View a CPU tensor as an array without copying."""
    inexact = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    if inexact and tensor.dtype not in _DTYPES:
        raise RuntimeError(f"portable arithmetic covers float32 and float64; found {tensor.dtype}")
    return tensor.detach().resolve_conj().resolve_neg().numpy()


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.asarray(np.matmul(_array(a), _array(b))))


def _sum_of_products(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return _product(a, b).sum(0)


def _added(product: _Function) -> _Function:
    def operator(
        bias: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, beta: float = 1, alpha: float = 1
    ) -> torch.Tensor:
        result = product(a, b)
        if alpha != 1:
            result *= alpha
        return result.add_(bias, alpha=beta) if beta else result  # by definition 0 times NaN is 0 here

    return operator


def _unary(function: _Function) -> _Function:
    def operator(x: torch.Tensor) -> torch.Tensor:
        if not (x.dtype.is_floating_point or x.dtype.is_complex):
            x = x.to(torch.get_default_dtype())
        elif x.dtype.itemsize < 4:  # float16 and bfloat16 are computed in float32, as torch does
            return operator(x.to(torch.float32)).to(x.dtype)
        return torch.from_numpy(np.asarray(function(_array(x))))

    return operator


def _special(name: str) -> _Function:
    """Return a function of SciPy, which is loaded only when it is called."""

    def function(x: np.ndarray) -> np.ndarray:
        from scipy import special

        return getattr(special, name)(x)

    return function


def _out(function: _Function) -> _Function:
    def operator(*arguments: torch.Tensor, out: torch.Tensor, **factors: float) -> torch.Tensor:
        result = function(*arguments, **factors)
        return out.resize_(result.shape).copy_(result)

    return operator


def _in_place(function: _Function) -> _Function:
    def operator(x: torch.Tensor, *arguments: torch.Tensor, **factors: float) -> torch.Tensor:
        return x.copy_(function(x, *arguments, **factors))

    return operator


_PRODUCTS = {"mm": _product, "bmm": _product, "mv": _product, "dot": _product}
_IN_PLACE = {"addmm": _added(_product), "baddbmm": _added(_product), "addmv": _added(_product)}
_IN_PLACE["addbmm"] = _added(_sum_of_products)
_IN_PLACE |= {name: _unary(getattr(np, name)) for name in ("exp", "log", "log10", "sqrt", "tan")}
_IN_PLACE |= {"acos": _unary(np.arccos), "atan": _unary(np.arctan)}
_IN_PLACE |= {name: _unary(_special(name)) for name in ("erf", "erfc", "erfinv")}
_OPERATORS = {
    **_PRODUCTS,
    **_IN_PLACE,
    **{f"{name}.out": _out(function) for name, function in (_PRODUCTS | _IN_PLACE).items()},
    **{f"{name}_": _in_place(function) for name, function in _IN_PLACE.items()},
}
