"""Which implementation of a kernel runs: chosen by the tensor's device, unless the user chose.

`RESNETBK_KERNELS` chooses for a process, `use` for a block of code.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch import Tensor

Implementation = Literal["auto", "reference", "numba", "triton"]
IMPLEMENTATIONS: tuple[Implementation, ...] = ("auto", "reference", "numba", "triton")
VARIABLE = "RESNETBK_KERNELS"

_in_use: list[Implementation] = []


@contextmanager
def use(implementation: Implementation) -> Iterator[None]:
    """Run a block with one implementation, and then with what was chosen before.

    **Arguments:** `implementation`: `auto` (Numba on the CPU, Triton on CUDA), `reference` (plain PyTorch, any
    device), `numba` or `triton`. The backward pass belongs into the block as well.

    **Raises:** `ValueError` for another name.
    """
    _in_use.append(_known(implementation, "resnetbk.kernels.selection.use"))
    try:
        yield
    finally:
        _in_use.pop()


def selected(tensor: Tensor) -> Literal["reference", "numba", "triton"]:
    """Return the implementation for a tensor.

    **Raises:** `ValueError` when RESNETBK_KERNELS holds another name than those of `use`.
    """
    implementation = chosen()
    if implementation != "auto":
        return implementation
    return "triton" if tensor.device.type == "cuda" else "numba"


def chosen() -> Implementation:
    """Return what `use` or RESNETBK_KERNELS asks for, `auto` when neither does.

    **Raises:** `ValueError` when RESNETBK_KERNELS holds another name than those of `use`.
    """
    return _in_use[-1] if _in_use else _known(os.environ.get(VARIABLE, "auto"), VARIABLE)


def require_runnable(kernel: str, tensor: Tensor) -> None:
    """Check that the implementation selected for a tensor can run where the tensor is.

    **Raises:** `ValueError` when Numba is chosen for a CUDA tensor, or Triton for a CPU tensor outside its
    interpreter, or Triton cannot be imported.
    """
    implementation = selected(tensor)
    if implementation == "numba" and tensor.device.type != "cpu":
        raise ValueError(
            f"{kernel}: the numba kernels run on the CPU, but the tensors are on {tensor.device}: move them, or "
            f"choose {VARIABLE}=auto"
        )
    if implementation == "triton":
        if tensor.device.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
            raise ValueError(
                f"{kernel}: the triton kernels run on CUDA, but the tensors are on the CPU: choose "
                f"{VARIABLE}=auto, or set TRITON_INTERPRET=1 to run them in Triton's interpreter (slow, for tests)"
            )
        if importlib.util.find_spec("triton") is None:
            raise ValueError(
                f"{kernel}: CUDA tensors need Triton, which is not installed: `pip install triton`, or choose "
                f"{VARIABLE}=reference"
            )


def _known(name: str, where: str) -> Implementation:
    if name not in IMPLEMENTATIONS:
        raise ValueError(f"{where}: expected one of {', '.join(IMPLEMENTATIONS)}; found {name!r}")
    return name
