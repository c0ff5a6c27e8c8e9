"""The memory of tensors, counted in bytes and not measured: the same number on every run and machine.

Counted is the storage of every tensor from the operation that returns it until nothing refers to it. What an
operation needs inside itself (a product's packed operands, a scan's lanes) and what an allocator adds are not:
they belong to a machine and its libraries.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):
    """Within the block, `peak` is the largest number of bytes that tensors held at once.

    **Arguments:** `present`: tensors that are there when the block begins, and count from its start.
    """

    def __init__(self, present: Iterable[Tensor]):
        super().__init__()
        self.peak = 0
        self._live = 0
        self._storages: dict[int, weakref.ref] = {}
        for tensor in present:
            self._hold(tensor)

    def __enter__(self) -> LiveMemory:
        self._collecting = gc.isenabled()
        gc.disable()  # or when a cycle is freed would depend on what the process did before
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if self._collecting:
            gc.enable()

    def __torch_dispatch__(
        self, operator: Callable, types: Any, arguments: tuple = (), options: dict[str, Any] | None = None
    ) -> Any:
        results = operator(*arguments, **(options or {}))
        for leaf in tree_leaves(results):
            if isinstance(leaf, Tensor):
                self._hold(leaf)
        return results

    def _hold(self, tensor: Tensor) -> None:
        """Count a tensor's storage once, whatever views of it there are, until it goes."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._storages:
            return
        self._storages[key] = weakref.ref(storage, lambda _: self._release(key, size))
        self._live += size
        self.peak = max(self.peak, self._live)

    def _release(self, key: int, size: int) -> None:
        del self._storages[key]
        self._live -= size
