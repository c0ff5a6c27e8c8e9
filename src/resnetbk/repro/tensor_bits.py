"""The bits of one tensor, the same whether NumPy, torch or JAX holds it, wherever and in whatever layout."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def tensor_bits(tensor: Any) -> tuple[str, tuple[int, ...], memoryview]:
    """Return what a tensor is made of.

    **Arguments:** `tensor`: a dense array or tensor of numbers, of any shape and memory layout, on any device.
    **Returns:** the name of its dtype ("float32", "bfloat16", "complex64"), its shape, and its elements as bytes
    in C order, little-endian.
    **Raises:** `ValueError` for what is no dense tensor of numbers, or is of long doubles (of undefined padding).
    """
    torch = sys.modules.get("torch")  # whoever has a torch tensor has imported torch
    if torch is not None and isinstance(tensor, torch.Tensor):
        return _torch_bits(tensor, torch)
    if not hasattr(tensor, "__array__"):
        raise ValueError(f"expected an array or a tensor, found {type(tensor).__name__}")
    return _numpy_bits(np.asarray(tensor))


def _torch_bits(tensor: Any, torch: Any) -> tuple[str, tuple[int, ...], memoryview]:
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise ValueError(f"expected a dense tensor with its numbers, found {tensor.layout} on {tensor.device}")
    dtype, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    values = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    flat = values.as_strided((values.numel(),), (1,))  # one element is contiguous whatever its stride
    return dtype, shape, memoryview(flat.view(torch.uint8).numpy())


def _numpy_bits(array: np.ndarray) -> tuple[str, tuple[int, ...], memoryview]:
    dtype = array.dtype
    registered = dtype.kind == "V" and dtype.isbuiltin == 2  # bfloat16 and the like, from ml_dtypes
    if not (dtype.kind in "biufc" or registered) or dtype.char in "gG":
        raise ValueError(f"expected numbers without padding, found an array of {dtype.name}")
    values = np.ascontiguousarray(array, dtype.newbyteorder("<") if dtype.kind in "iufc" else dtype)
    return dtype.name, array.shape, memoryview(values.reshape(-1).view(np.uint8))
