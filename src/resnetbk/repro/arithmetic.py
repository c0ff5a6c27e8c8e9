"""What computes in this process: the BLAS libraries, vector units and threads that are really in use.

Everything is asked of the libraries that are loaded; nothing is loaded for it and no setting is changed.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path
from typing import Any

from resnetbk.repro.cpu import instruction_sets

# Source: mkl_types.h, MKL_CBWR_*.
MKL_BRANCHES = {1: "off", 2: "auto", 3: "compatible", 9: "AVX", 10: "AVX2", 12: "AVX512", 14: "AVX512_E1"}
MKL_STRICT = 0x10000


def thread_pools() -> list[dict[str, Any]]:
    """Return the BLAS and OpenMP libraries that are loaded.

    **Returns:** for each `library` (file name), `kind` (`openblas`, `mkl`, `blis`, `openmp`), `version`,
    `architecture` (the kernels that an OpenBLAS chose when it was loaded) and `threads`; None where unknown. An
    MKL that is linked into torch is not seen here: see `torch_blas`.
    """
    from threadpoolctl import threadpool_info

    pools = [
        {
            "library": Path(pool["filepath"]).name,
            "kind": pool["internal_api"],
            "version": pool["version"],
            "architecture": pool.get("architecture"),
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
    ]
    return sorted(pools, key=lambda pool: pool["library"])


def torch_blas() -> dict[str, Any] | None:
    """Return the BLAS that torch was built with; None when torch is not loaded.

    **Returns:** `name`, and for MKL `version`, `branch` (of conditional numerical reproducibility: `off` when
    MKL_CBWR was not set in time, `auto` on another vendor's CPU), `strict` and `threads`; None where unknown.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    built = torch.__config__.show()
    name = re.search(r"BLAS_INFO=(\w+)", built)
    version = re.search(r"Math Kernel Library Version (\S+)", built)
    library = _torch_library(torch)
    number = _call(library, "mkl_serv_cbwr_get", -1)  # -1: the branch and its flags
    return {
        "name": name and name[1],
        "version": version and version[1].removesuffix("-Product"),
        "branch": None if number is None else MKL_BRANCHES.get(number & 0xFFFF, str(number & 0xFFFF)),
        "strict": None if number is None else bool(number & MKL_STRICT),
        "threads": _call(library, "MKL_Get_Max_Threads"),
    }


def numpy_vector_units() -> list[str] | None:
    """Return the sets of vector instructions that NumPy chooses its loops from; None when NumPy is not loaded."""
    module = sys.modules.get("numpy._core._multiarray_umath")
    if module is None:
        return None
    names = {*module.__cpu_baseline__, *module.__cpu_dispatch__}
    return sorted(name for name in names if module.__cpu_features__.get(name))


def has_instructions(*names: str) -> dict[str, bool]:
    """Return whether this CPU has sets of instructions, by Linux's names; `avx2` and `fma` are asked of NumPy.

    NumPy, where it is loaded, asks the CPU; Linux's list is the host's even where the CPU is emulated.
    """
    module = sys.modules.get("numpy._core._multiarray_umath")
    if module is None:
        found = instruction_sets()
        return {name: name in found for name in names}
    return {name: bool(module.__cpu_features__.get({"fma": "FMA3"}.get(name, name.upper()))) for name in names}


def _torch_library(torch: Any) -> ctypes.CDLL | None:
    """Return torch's CPU library, which is in memory already; None where torch is built another way."""
    path = Path(torch.__file__).parent / "lib/libtorch_cpu.so"
    return ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD | os.RTLD_NOW) if path.is_file() else None


def _call(library: ctypes.CDLL | None, function: str, *arguments: int) -> int | None:
    """Call a C function if the library has it: MKL's own are there only where it is linked in."""
    return getattr(library, function)(*arguments) if hasattr(library, function) else None
