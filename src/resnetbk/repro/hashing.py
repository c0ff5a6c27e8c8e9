"""Hashes of checkpoints, file by file, and of tensors, whatever library or device holds them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

from resnetbk.repro.tensor_bits import tensor_bits

Algorithm = Literal["sha256", "sha512", "blake2b", "md5"]
SMALL = 2**20  # bytes; below, handing a file to another thread costs more than hashing it


def compute_checkpoint_hash(path: str | Path, algorithm: Algorithm = "sha256") -> str:
    """Hash a checkpoint: a file, or a folder of files.

    A file's hash is that of its bytes, as `sha256sum FILE` prints it. A folder's is the hash of what
    `sha256sum` prints for its files, named relative to the folder and sorted by the bytes of their names:

        find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

    Names and contents count; dates, owners, permissions and empty folders do not. md5 is for comparing with old
    records: it finds accidents, not forgeries.

    **Arguments:** `path`: a file or a folder; `algorithm`: one of "sha256", "sha512", "blake2b" (64 bytes, as
    `b2sum`) and "md5".
    **Returns:** lower-case hexadecimal digits.
    **Raises:** `FileNotFoundError`; `ValueError` for another algorithm or a folder that holds a symbolic link, a
    pipe or a device; `RuntimeError` when a file changes while it is read.
    """
    path = Path(path)
    if not path.is_dir():
        return _hash_file(str(path), algorithm)[0]
    digest = _new(algorithm)
    for name, (file_hash, _) in hash_files(path, algorithm).items():
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        marker = "" if escaped == name else "\\"  # as coreutils mark a line whose name is escaped
        digest.update(os.fsencode(f"{marker}{file_hash}  {escaped}\n"))
    return digest.hexdigest()


def hash_files(folder: str | Path, algorithm: Algorithm = "sha256") -> dict[str, tuple[str, int]]:
    """Hash every file under a folder, several at once.

    **Returns:** name (relative, with forward slashes) to hash and size in bytes, sorted by the bytes of the names.
    **Raises:** as `compute_checkpoint_hash`.
    """
    sizes = dict(_walk(str(folder), ""))
    paths = {name: f"{folder}/{name}" for name in sorted(sizes, key=os.fsencode)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing lets go of Python's lock
        large = {
            name: pool.submit(_hash_file, path, algorithm) for name, path in paths.items() if sizes[name] > SMALL
        }
        return {
            name: large[name].result() if name in large else _hash_file(path, algorithm)
            for name, path in paths.items()
        }


def hash_tensor(tensor: Any, algorithm: Algorithm = "sha256") -> str:
    """Hash one tensor: its dtype, its shape and its bits, and nothing else.

    The same values give the same hash from NumPy, torch or JAX, on any device, in any memory layout. Bits count:
    0.0 and -0.0 differ, and so do two NaNs of different payload.

    **Arguments:** `tensor`: a dense array or tensor of numbers, any shape, of any dtype torch or NumPy (with
    ml_dtypes) has but long double, whose padding is undefined.
    **Returns:** the hash of `"{dtype} {sizes separated by commas}\\n"` and the elements in C order, little-endian.
    **Raises:** `ValueError` for what is no dense tensor of numbers.
    """
    dtype, shape, bits = tensor_bits(tensor)
    digest = _new(algorithm)
    digest.update(f"{dtype} {','.join(map(str, shape))}\n".encode())
    digest.update(bits)
    return digest.hexdigest()


def hash_tensors(tensors: Mapping[str, Any], algorithm: Algorithm = "sha256") -> str:
    """Hash named tensors, such as a state dict, in whatever order they come.

    **Arguments:** `tensors`: name to what `hash_tensor` takes.
    **Returns:** the hash of the lines `"{hash_tensor} {name as JSON}\\n"`, sorted by name.
    **Raises:** `ValueError` naming the tensor that cannot be hashed.
    """
    digest = _new(algorithm)
    for name in sorted(tensors):
        try:
            digest.update(f"{hash_tensor(tensors[name], algorithm)} {json.dumps(name)}\n".encode())
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return digest.hexdigest()


def _new(algorithm: str, content: bytes = b"") -> Any:
    if algorithm not in get_args(Algorithm):
        raise ValueError(f"algorithm: expected one of {', '.join(get_args(Algorithm))}, found {algorithm!r}")
    return hashlib.new(algorithm, content, usedforsecurity=False)


def _hash_file(path: str, algorithm: Algorithm) -> tuple[str, int]:
    """Return hash and size of a file that stands still."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for its writer
        raise ValueError(f"{path}: expected a file or a folder, found a pipe, a socket or a device")
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        if before.st_size > SMALL:
            digest = hashlib.file_digest(file, lambda: _new(algorithm))
        else:  # `file_digest` would clear a large buffer first
            digest = _new(algorithm, file.readall())
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RuntimeError(f"{path}: changed while it was read; hash it again once nothing writes to it")
    return digest.hexdigest(), after.st_size


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield name and size of every file under a folder."""
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        if entry.is_symlink():
            raise ValueError(f"{entry.path}: a symbolic link, which may point anywhere; put the file itself there")
        if entry.is_dir():
            yield from _walk(entry.path, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.stat().st_size
