"""Which level of determinism is in force in this process, and what keeps it from a higher one.

It reports what is found, not what was asked for: the libraries are asked which kernels, vector units and threads
they use, and a variable that was set after its reader had looked does not count.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from resnetbk.repro.arithmetic import has_instructions, numpy_vector_units, thread_pools, torch_blas
from resnetbk.repro.cublas import VARIABLE, workspace_fault
from resnetbk.repro.levels import PORTABLE_ENVIRONMENT, Level
from resnetbk.repro.variables import READERS, Variable, read_variables, value_at_load

PORTABLE_INSTRUCTIONS = ("avx2", "fma")


@dataclass(frozen=True)
class DeterministicStatus:
    """What is in force. `faults` has, of `machine` and `portable`, the reasons why not; empty where it is in
    force.

    `flags`: torch's switches and thread counts, None where torch is not loaded; `arithmetic`: the BLAS libraries,
    vector units and instruction sets; `variables`: the state of each environment variable that decides bits.
    """

    level: Level
    faults: dict[str, tuple[str, ...]]
    flags: dict[str, Any] | None
    arithmetic: dict[str, Any]
    variables: tuple[Variable, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, for JSON."""
        return json.loads(json.dumps(asdict(self)))


def get_deterministic_status() -> DeterministicStatus:
    """Report the level of determinism that is in force in this process. Nothing is loaded or changed for it.

    **Returns:** a status; its `level` is the highest whose every condition is met.
    """
    flags, variables = _flags(), read_variables()
    arithmetic = {
        "machine": platform.machine(),
        "instructions": has_instructions(*PORTABLE_INSTRUCTIONS),
        "numpy_vector_units": numpy_vector_units(),
        "torch_blas": torch_blas(),
        "thread_pools": thread_pools(),
    }
    machine = tuple(machine_faults(flags, arithmetic))
    portable = machine + tuple(portable_faults(flags, arithmetic, variables))
    level: Level = "fast" if machine else "machine" if portable else "portable"
    return DeterministicStatus(level, {"machine": machine, "portable": portable}, flags, arithmetic, variables)


def machine_faults(flags: dict[str, Any] | None, arithmetic: dict[str, Any]) -> Iterator[str]:
    """Name what keeps the same bits from coming out twice on this host."""
    if flags is None and arithmetic["numpy_vector_units"] is None:
        yield "neither NumPy nor torch is loaded: there is nothing to hold to a level yet"
    if flags is not None:
        if not flags["deterministic_algorithms"]:
            yield "torch.use_deterministic_algorithms is off"
        elif flags["warn_only"]:
            yield "torch only warns of an algorithm that is not deterministic"
        if flags["cudnn_benchmark"]:
            yield "torch.backends.cudnn.benchmark lets the clock choose algorithms"
        if flags["threads"] != 1:
            yield f"torch adds up in {flags['threads']} threads; expected 1"
        if flags["workspace_fault"]:
            yield flags["workspace_fault"]
    for pool in arithmetic["thread_pools"]:
        if pool["kind"] != "openmp" and pool["threads"] != 1:
            yield f"{pool['library']} multiplies in {pool['threads']} threads; expected 1"


def portable_faults(
    flags: dict[str, Any] | None, arithmetic: dict[str, Any], variables: tuple[Variable, ...]
) -> Iterator[str]:
    """Name what lets the bits follow the CPU: its instruction sets, its vendor, the variables that hide them."""
    missing = [name for name, there in arithmetic["instructions"].items() if not there]
    if arithmetic["machine"].lower() not in ("x86_64", "amd64"):
        yield f"this CPU is {arithmetic['machine']}; portable covers x86-64 with AVX2"
    elif missing:
        yield f"this CPU has no {' and no '.join(name.upper() for name in missing)}"
    if flags is not None and not flags["portable_operators"]:
        yield "the portable operators are not installed: products of matrices, exp, log and sqrt follow the vendor"
    for variable in variables:
        if variable.name in PORTABLE_ENVIRONMENT and READERS[variable.name] in sys.modules:
            yield from _variable_fault(variable)


def _variable_fault(variable: Variable) -> Iterator[str]:
    expected = PORTABLE_ENVIRONMENT[variable.name]
    if variable.state == "in force" and variable.value == expected:
        return
    asked = "is not set" if variable.value is None else f"is {variable.value} ({variable.state})"
    does = f"; {READERS[variable.name]} uses {variable.measured}" if variable.measured else ""
    expectation = "" if variable.value == expected else f"; expected {expected}"
    yield f"{variable.name} {asked}{does}{expectation}"


def _flags() -> dict[str, Any] | None:
    """Read torch's switches, if torch is loaded."""
    torch, portable = sys.modules.get("torch"), sys.modules.get("resnetbk.repro.portable")
    if torch is None:
        return None
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fill_uninitialized_memory": torch.utils.deterministic.fill_uninitialized_memory,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "portable_operators": portable is not None and portable.installed(),
        "cuda": torch.version.cuda,
        "workspace_fault": workspace_fault(_workspace(torch)) if torch.cuda.is_available() else None,
    }


def _workspace(torch: Any) -> str | None:
    """Return cuBLAS's workspace: that of the context, or where there is none yet, the one it is going to have."""
    return value_at_load(VARIABLE) if torch.cuda.is_initialized() else os.environ.get(VARIABLE)
