"""Arithmetic whose bits do not depend on the CPU's vendor.

torch hands products of matrices to MKL's BLAS and `exp`, `log` and `sqrt` to MKL's vector library, and both
choose their code by the CPU's vendor. `install` replaces these operators on the CPU by NumPy's, for the
whole process: the products run in OpenBLAS with the kernel that OPENBLAS_CORETYPE names. Measured side by
side at one thread, OpenBLAS's Haswell kernel is as fast as MKL's AVX2 path.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

_LIBRARY: list[torch.library.Library] = []
_DTYPES = (torch.float32, torch.float64)


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


def installed() -> bool:
    """Return whether the portable operators are in force in this process."""
    return bool(_LIBRARY)


def _array(tensor: torch.Tensor) -> np.ndarray:
    """View a CPU tensor as an array without copying."""
    if tensor.dtype not in _DTYPES:
        raise RuntimeError(f"portable arithmetic covers float32 and float64; found {tensor.dtype}")
    return tensor.detach().resolve_conj().resolve_neg().numpy()


def _mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.matmul(_array(a), _array(b)))


def _addmm(
    bias: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, beta: float = 1, alpha: float = 1
) -> torch.Tensor:
    product = _mm(a, b)
    if alpha != 1:
        product *= alpha
    return product.add_(bias, alpha=beta)


def _unary(function: np.ufunc):
    def operator(x: torch.Tensor) -> torch.Tensor:
        if x.dtype not in _DTYPES:
            x = x.to(torch.get_default_dtype())
        return torch.from_numpy(np.asarray(function(_array(x))))

    return operator


def _unary_out(function: np.ufunc):
    def operator(x: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
        return out.resize_(x.shape).copy_(_unary(function)(x))

    return operator


def _unary_in_place(function: np.ufunc):
    def operator(x: torch.Tensor) -> torch.Tensor:
        return x.copy_(_unary(function)(x))

    return operator


_OPERATORS = {"mm": _mm, "bmm": _mm, "addmm": _addmm}
for _name, _function in (("exp", np.exp), ("log", np.log), ("sqrt", np.sqrt)):
    _OPERATORS[_name] = _unary(_function)
    _OPERATORS[f"{_name}.out"] = _unary_out(_function)
    _OPERATORS[f"{_name}_"] = _unary_in_place(_function)
