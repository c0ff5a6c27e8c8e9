"""cuBLAS's workspace: two sizes of it make products deterministic, and the first CUDA context fixes the size."""

from __future__ import annotations

from typing import Literal, get_args

from resnetbk.repro.levels import CUBLAS_WORKSPACE, pin
from resnetbk.repro.variables import value_at_load

VARIABLE = next(iter(CUBLAS_WORKSPACE))
# Eight buffers of 4096 KiB, or of 16 KiB: less memory, slower. Source: cuBLAS manual, "Results reproducibility".
Workspace = Literal[":4096:8", ":16:8"]


def pin_workspace(workspace: Workspace) -> str | None:
    """Set the workspace of a process that has not used CUDA yet.

    **Returns:** None, or why the workspace is not in force: a context exists that was made with another.
    """
    import torch

    if not torch.cuda.is_initialized():
        pin({VARIABLE: workspace})
        return None
    return workspace_fault(value_at_load(VARIABLE), (workspace,))


def workspace_fault(at_context: str | None, wanted: tuple[str, ...] = get_args(Workspace)) -> str | None:
    """Return what is wrong with the workspace that a CUDA context was made with, None if nothing is.

    **Arguments:** `at_context`: the variable's value when the context was made, None where it was unset or cannot
    be known; `wanted`: the values that will do.
    """
    if at_context in wanted:
        return None
    return (
        f"{VARIABLE} was {at_context or 'not known to be set'} when the CUDA context was made: "
        f"set {VARIABLE}={wanted[0]} before the first use of CUDA"
    )
