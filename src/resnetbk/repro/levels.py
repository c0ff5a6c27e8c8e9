"""The three levels of determinism and how each is put in force.

- `portable`: the same bits on any x86-64 host with AVX2, whatever its vendor and its cores.
- `machine`: the same bits on this host.
- `fast`: none promised.

A seed and `torch.use_deterministic_algorithms` are not enough: the order of additions follows the number of
threads and the instruction set, and MKL takes another path on another vendor's CPU. So `portable` runs on one
thread, fixes the instruction set by environment variables (which count only when set before NumPy and torch
load: `pin_environment`), and sends the products of matrices and the functions that torch leaves to MKL's vector
library through NumPy, whose OpenBLAS is told its kernel by name (`enforce`).
"""

from __future__ import annotations

import os
import sys
from typing import Literal

Level = Literal["portable", "machine", "fast"]

PORTABLE_ENVIRONMENT = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2,STRICT",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    # Every name that NumPy has had for what comes after AVX2; from 2.4 on, AVX512F to SKX are X86_V4.
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "RAYON_NUM_THREADS",
    )
}
CUBLAS_WORKSPACE = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # read when the first CUDA context is made

_PINNED: dict[str, str] = {}


def environment(level: Level) -> dict[str, str]:
    """Return the environment variables that a level needs, name to value."""
    if level == "fast":
        return {}
    return {**ONE_THREAD, **CUBLAS_WORKSPACE, **(PORTABLE_ENVIRONMENT if level == "portable" else {})}


def pin_environment(level: Level) -> None:
    """Set the variables of a level. Call it before NumPy or torch is imported.

    **Raises:** `RuntimeError` when either is loaded already and a variable would come too late.
    """
    late = {name for name, value in environment(level).items() if os.environ.get(name) != value}
    loaded = [module for module in ("numpy", "torch") if module in sys.modules]
    if late and loaded:
        raise RuntimeError(
            f"determinism {level!r} asked for after {' and '.join(loaded)} was imported: "
            f"{', '.join(sorted(late))} would have no effect. Call pin_environment first."
        )
    if loaded:
        return  # whatever is set already was set by somebody else, who knows when
    pin(environment(level))


def pin(variables: dict[str, str]) -> None:
    """Set variables which nothing has read yet, and remember that they came in time."""
    os.environ.update(variables)
    _PINNED.update(variables)


def pinned() -> dict[str, str]:
    """Return the variables that `pin` set, name to value."""
    return dict(_PINNED)


def enforce(level: Level) -> None:
    """Put a level in force in torch: deterministic algorithms, one thread, portable arithmetic."""
    import torch

    if level == "fast":
        return
    torch.use_deterministic_algorithms(True)
    # Filling every new tensor would only show a read of memory that nobody wrote, and costs a pass each time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = False
    if level == "portable":
        from resnetbk.repro import portable

        portable.install()
