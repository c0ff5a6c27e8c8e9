"""What every kernel asks of its arguments: tensors of one float type and device whose shapes agree by letter."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from resnetbk.kernels.selection import require_runnable

_DTYPES = (torch.float32, torch.float64)


def check_arguments(kernel: str, **tensors: Tensor) -> None:
    """Check a kernel's tensors, whose names end in one letter a dimension: `u_BNE`, `A_ES`.

    **Arguments:** `kernel`: the name for messages; `tensors`: name_SHAPE to tensor, the same letter being the
    same size everywhere.

    **Raises:** `TypeError` for what is no tensor, neither float32 nor float64, of another type than the first,
    or on another device; `ValueError` for a wrong number of dimensions, sizes that disagree, or an implementation
    that the user chose and that cannot run on this device.
    """
    sizes: dict[str, tuple[int, str]] = {}
    first = next(iter(tensors))
    for full, tensor in tensors.items():
        name, letters = full.rsplit("_", 1)
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{kernel}: {name} must be a torch.Tensor; found {type(tensor).__name__}")
        if tensor.device.type not in ("cpu", "cuda"):
            raise TypeError(f"{kernel}: {name} is on {tensor.device}; expected the CPU or CUDA: move it there")
        if tensor.device != tensors[first].device:
            raise TypeError(
                f"{kernel}: {name} is on {tensor.device}, but {first.rsplit('_', 1)[0]} is on "
                f"{tensors[first].device}: move them to one device"
            )
        if tensor.dtype not in _DTYPES:
            raise TypeError(f"{kernel}: {name} must be float32 or float64; found {tensor.dtype}: convert it")
        if tensor.dtype != tensors[first].dtype:
            raise TypeError(
                f"{kernel}: {name} is {tensor.dtype}, but {first.rsplit('_', 1)[0]} is {tensors[first].dtype}: "
                "use one type"
            )
        if tensor.dim() != len(letters):
            raise ValueError(
                f"{kernel}: {name} must have {len(letters)} dimensions {list(letters)}; found shape "
                f"{tuple(tensor.shape)}"
            )
        for letter, size in zip(letters, tensor.shape, strict=True):
            known, where = sizes.setdefault(letter, (size, name))
            if size != known:
                raise ValueError(f"{kernel}: {letter} is {size} in {name}, but {known} in {where}")
    require_runnable(kernel, tensors[first])


def check_inference(kernel: str, **tensors: Tensor) -> None:
    """Check as `check_arguments` does, for a kernel that has no gradient.

    **Raises:** also `ValueError` when autograd would record the call.
    """
    check_arguments(kernel, **tensors)
    if torch.is_grad_enabled():
        for full, tensor in tensors.items():
            if tensor.requires_grad:
                raise ValueError(
                    f"{kernel}: {full.rsplit('_', 1)[0]} requires a gradient, but this kernel is for inference: "
                    f"call it under torch.no_grad(), or use {kernel.removesuffix('_from_state')} for training"
                )


def arrays(*tensors: Tensor) -> tuple[np.ndarray, ...]:
    """View tensors as C-contiguous arrays; only those that are not contiguous are copied."""
    return tuple(tensor.detach().contiguous().numpy() for tensor in tensors)
