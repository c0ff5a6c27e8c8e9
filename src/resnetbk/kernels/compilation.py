"""How the CPU kernels are compiled: Numba, strict IEEE arithmetic, machine code kept between processes.

Unusual here is the cache. Numba's own keeps an index beside numbered files of machine code and looks at the
source of one function only, so an edit of `elementary.py` would leave every kernel that inlines it stale, and
a process killed between the two writes would leave an index that points at older code. Here a file's name is
the hash of everything the code was made from, and its content carries its own hash. So every copy of the sources
(a clone that verifies, the copy of a queued experiment) shares one folder: NUMBA_CACHE_DIR, else the user's cache.
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
from numba.core.compiler import Compiler

from resnetbk.repro.opened_files import not_an_input


def compiled(function: Callable) -> Callable:
    """Compile a kernel for the CPU at its first call, or load it when this source was compiled here before.

    No `fastmath` and no contraction of a * b + c: each operation rounds once, as IEEE 754 says, so that the
    bits do not depend on the CPU's vector width. `error_model="numpy"`: a division by zero gives inf or NaN,
    and no branch stands in the way of the vectoriser. The GIL is released. No array that a kernel writes may
    overlap another of its arguments: LLVM is told so, and vectorises without asking at run time.
    """
    dispatcher = numba.njit(error_model="numpy", nogil=True, pipeline_class=_NoAlias)(function)
    dispatcher._cache = _Cache(function)
    return dispatcher


def inlined(function: Callable) -> Callable:
    """Compile a loop over rows into the kernels that call it, under the same terms.

    A call would cost as much as a row: each array goes as seven arguments.
    """
    return numba.njit(error_model="numpy", nogil=True, pipeline_class=_NoAlias, forceinline=True)(function)


class _NoAlias(Compiler):
    def define_pipelines(self) -> list:
        self.state.flags.noalias = True
        return super().define_pipelines()


@functools.cache
def _source_digest() -> str:
    """Return the SHA-256 of all kernels' sources: functions of one file are inlined into another's."""
    digest = hashlib.sha256()
    with not_an_input():  # it names the files of the cache, and changes no number
        for path in sorted(Path(__file__).parent.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class _Cache(FunctionCache):
    """Numba's cache of compiled functions, with files that are named and checked by content."""

    def __init__(self, function: Callable) -> None:
        super().__init__(function)
        self._cache_file = _Files(Path(self._cache_path), self._impl.filename_base)


def _directory(beside_the_source: Path) -> Path:
    """Return the shared folder, or Numba's choice where the user has no folder to write to."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "resnetbk", "kernels")
    shared = Path(numba.config.CACHE_DIR) if numba.config.CACHE_DIR else user
    try:
        shared.mkdir(parents=True, exist_ok=True)
    except OSError:
        return beside_the_source
    return shared if os.access(shared, os.W_OK) else beside_the_source


class _Files:
    """One file for each signature, CPU, Numba version and state of the sources; whole or absent."""

    def __init__(self, beside_the_source: Path, name: str) -> None:
        self._beside_the_source = beside_the_source
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
        return _directory(self._beside_the_source) / f"{self._name}.{digest[:32]}.nbc"
