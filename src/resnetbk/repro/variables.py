"""Environment variables that a library reads once: was each one set in time?

A variable that is set after its reader looked does nothing and says nothing. Evidence, best first: what the
library itself tells (its kernels, its vector units, its threads); that `pin_environment` set it before NumPy and
torch were loaded; that the process was started with it (/proc/self/environ, which later changes do not touch).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from resnetbk.repro.arithmetic import numpy_vector_units, thread_pools, torch_blas
from resnetbk.repro.levels import CUBLAS_WORKSPACE, ONE_THREAD, PORTABLE_ENVIRONMENT, pinned

State = Literal["unset", "not read yet", "in force", "not obeyed", "set too late", "unproven"]

READERS = {
    "ATEN_CPU_CAPABILITY": "torch",
    "MKL_CBWR": "torch",
    "ONEDNN_MAX_CPU_ISA": "torch",
    "OPENBLAS_CORETYPE": "numpy",
    "NPY_DISABLE_CPU_FEATURES": "numpy",
    "OMP_NUM_THREADS": "torch",
    "MKL_NUM_THREADS": "torch",
    "OPENBLAS_NUM_THREADS": "numpy",
    "NUMBA_NUM_THREADS": "numba",
    "RAYON_NUM_THREADS": "tokenizers",
    "PYTHONHASHSEED": "sys",
}
NAMES = (*PORTABLE_ENVIRONMENT, *ONE_THREAD, *CUBLAS_WORKSPACE, "PYTHONHASHSEED")


@dataclass(frozen=True)
class Variable:
    """One variable: its value now, the one its reader found (None if unset or not known) and what that led to.

    `state`: `unset`; `not read yet` (the reader is not loaded); `in force`; `not obeyed` (set in time, but the
    library does something else: the CPU cannot, or a call changed it since); `set too late`; `unproven` (set in
    this process by other means than `pin_environment`, and the library does not tell). `measured`: what the
    library does, None where it does not tell.
    """

    name: str
    value: str | None
    at_load: str | None
    measured: str | None
    state: State


def read_variables() -> tuple[Variable, ...]:
    """Return the state of every variable that decides bits, in the order of `NAMES`."""
    measured = _measured()
    return tuple(_variable(name, measured.get(name)) for name in NAMES)


def value_at_load(name: str) -> str | None:
    """Return the value that a library found when it was loaded; None where it was unset or cannot be known."""
    if name in pinned():
        return pinned()[name]
    at_start = environment_at_start()
    if at_start is None or os.environ.get(name) != at_start.get(name):
        return None
    return at_start.get(name)


def environment_at_start() -> dict[str, str] | None:
    """Return the environment that this process was started with; None where the system does not keep it."""
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return dict(os.fsdecode(entry).split("=", 1) for entry in entries if b"=" in entry)


def _variable(name: str, measured: str | None) -> Variable:
    value, at_load = os.environ.get(name), value_at_load(name)
    if value is None:
        state: State = "unset"
    elif not _reader_loaded(name):
        state = "not read yet"
    elif measured is not None and _agree(name, value, measured):
        state = "in force"
    elif at_load == value:
        state = "in force" if measured is None else "not obeyed"
    elif measured is not None or name in pinned() or READERS.get(name) == "sys":
        state = "set too late"
    else:
        state = "unproven"
    return Variable(name, value, at_load, measured, state)


def _reader_loaded(name: str) -> bool:
    if name in CUBLAS_WORKSPACE:
        torch = sys.modules.get("torch")
        return torch is not None and torch.cuda.is_initialized()
    return READERS[name] in sys.modules


def _measured() -> dict[str, str | None]:
    """Ask the loaded libraries what they do, variable to answer."""
    torch, numba = sys.modules.get("torch"), sys.modules.get("numba")
    answers: dict[str, str | None] = {}
    if torch is not None:
        mkl = torch_blas()
        answers["ATEN_CPU_CAPABILITY"] = torch.backends.cpu.get_cpu_capability()
        answers["OMP_NUM_THREADS"] = str(torch.get_num_threads())
        if mkl["branch"] is not None:
            answers["MKL_CBWR"] = mkl["branch"] + (",strict" if mkl["strict"] else "")
        if mkl["threads"] is not None:
            answers["MKL_NUM_THREADS"] = str(mkl["threads"])
    units = numpy_vector_units()
    if units is not None:
        answers["NPY_DISABLE_CPU_FEATURES"] = " ".join(units)
    blas = [pool for pool in thread_pools() if pool["kind"] == "openblas"]
    if blas:
        answers["OPENBLAS_CORETYPE"] = " ".join(sorted({str(pool["architecture"]) for pool in blas}))
        answers["OPENBLAS_NUM_THREADS"] = " ".join(sorted({str(pool["threads"]) for pool in blas}))
    if numba is not None:
        answers["NUMBA_NUM_THREADS"] = str(numba.config.NUMBA_NUM_THREADS)
    return answers


def _agree(name: str, value: str, measured: str) -> bool:
    """Return whether what a library does is what a variable asks for."""
    if name == "NPY_DISABLE_CPU_FEATURES":
        return not set(value.replace(",", " ").split()) & set(measured.split())
    if name == "MKL_CBWR":  # on another vendor's CPU every branch becomes `auto`; `off` means that nobody asked
        return measured != "off" and value.upper().endswith(",STRICT") == measured.endswith(",strict")
    return value.lower() == measured.lower()
