"""How the CPU kernels are compiled: Numba, strict IEEE arithmetic, machine code kept between processes.

Unusual here is the cache. Numba's own keeps an index beside numbered files of machine code and looks at the
source of one function only, so an edit of `elementary.py` would leave every kernel that inlines it stale, and
a process killed between the two writes would leave an index that points at older code. Here a file's name is
the hash of everything the code was made from, and its content carries its own hash.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache


def compiled(function: Callable) -> Callable:
    """Compile a kernel for the CPU at its first call, or load it when this source was compiled here before.

    No `fastmath` and no contraction of a * b + c: each operation rounds once, as IEEE 754 says, so that the
    bits do not depend on the CPU's vector width. `error_model="numpy"`: a division by zero gives inf or NaN,
    and no branch stands in the way of the vectoriser. The GIL is released.
    """
    dispatcher = numba.njit(error_model="numpy", nogil=True)(function)
    dispatcher._cache = _Cache(function)
    return dispatcher


@functools.cache
def _source_digest() -> str:
    """Return the SHA-256 of all kernels' sources: functions of one file are inlined into another's."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class _Cache(FunctionCache):
    """Numba's cache of compiled functions, with files that are named and checked by content."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        self._cache_file = _Files(Path(self._cache_path), self._impl.filename_base)


class _Files:
    """One file for each signature, CPU, Numba version and state of the sources; whole or absent."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._name = name

    def load(self, key: tuple) -> Any:
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        digest, payload = content[:32], content[32:]
        return pickle.loads(payload) if hashlib.sha256(payload).digest() == digest else None

    def save(self, key: tuple, data: Any) -> None:
        payload = pickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL)
        path = self._path(key)
        partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.partial")
        try:
            partial.write_bytes(hashlib.sha256(payload).digest() + payload)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, key: tuple) -> Path:
        digest = hashlib.sha256(repr((numba.__version__, _source_digest(), key)).encode()).hexdigest()
        return self._directory / f"{self._name}.{digest[:32]}.nbc"
