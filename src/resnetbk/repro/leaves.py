"""Nested results taken apart into leaves, each copied with its bits, so that two runs can be compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from resnetbk.repro.tensor_bits import tensor_bits

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """One array of a result, or a value that is none.

    `kind` is the dtype of an array or tensor, else the type of a Python value; `bits` the elements as signed
    integers of their width, flat, two for a complex number; `value` what is no number of a fixed width (`bits` is
    None then).
    """

    kind: str
    shape: Shape = ()
    bits: np.ndarray | None = None
    dtype: str | None = None
    value: Any = None

    @property
    def floating(self) -> bool:
        """Whether the elements are floating-point numbers, real or complex."""
        return self.dtype is not None and self.dtype.startswith(("float", "bfloat", "complex"))

    @property
    def numbers(self) -> np.ndarray:
        """The elements as NumPy reads them, flat; those of a format that it lacks in a wider one."""
        if self.dtype == "bfloat16":
            return (self.bits.astype(np.int32) << 16).view(np.float32)
        if self.dtype.startswith("float8"):
            import torch

            return torch.from_numpy(self.bits.copy()).view(getattr(torch, self.dtype)).float().numpy()
        return self.bits.view(self.dtype)

    def same(self, other: Leaf) -> bool:
        """Return whether kind, shape and every bit are the same: NaN equals NaN of the same bits, 0.0 not -0.0."""
        if (self.kind, self.shape) != (other.kind, other.shape):
            return False
        if self.bits is None or other.bits is None:
            return self.value == other.value
        return np.array_equal(self.bits, other.bits)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield every leaf of a nested result with its path, such as `['loss'][3]` or `.weights['head.bias']`.

    Mappings, lists, tuples, dataclasses and objects with a `state_dict()` are taken apart; dense tensors, arrays,
    numbers, texts, bytes and None are leaves, and so is an empty container.

    **Raises:** `TypeError` naming the path and the type of anything else.
    """
    children = _children(value)
    if children is None:
        yield path, leaf(value, path)
    elif not children:
        yield path, Leaf(type(value).__name__, (0,))
    else:
        for step, child in children:
            yield from leaves(child, path + step)


def leaf(value: Any, path: str = "") -> Leaf:
    """Copy a tensor, array, number, text, bytes or None with its bits.

    **Raises:** `TypeError` naming `path` and the type of anything else.
    """
    kind = type(value).__name__
    if value is None or (isinstance(value, (int, str, bytes)) and not isinstance(value, bool)):
        return Leaf(kind, value=value)
    plain = type(value) in (bool, float, complex)
    if not plain and not hasattr(value, "__array__"):
        raise TypeError(
            f"{path or 'the result'} is a {type(value).__qualname__}: return tensors, arrays, numbers, texts, "
            "and mappings, lists, tuples or dataclasses of them"
        )
    try:
        dtype, shape, content = tensor_bits(np.array(value) if plain else value)
    except ValueError as error:
        raise TypeError(f"{path or 'the result'}: {error}") from None
    parts = (2 if dtype.startswith("complex") else 1) * math.prod(shape)
    bits = np.frombuffer(bytes(content), f"<i{len(content) // parts}" if parts else "i1")
    return Leaf(kind if plain else dtype, shape, bits, dtype)


def _children(value: Any) -> list[tuple[str, Any]] | None:
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", child) for key, child in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [(f".{name}", child) for name, child in zip(value._fields, value, strict=True)]
    if isinstance(value, (list, tuple)):
        return [(f"[{index}]", child) for index, child in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        return [(f".{field.name}", getattr(value, field.name)) for field in fields(value)]
    if callable(getattr(value, "state_dict", None)):
        return _children(value.state_dict())
    return None
