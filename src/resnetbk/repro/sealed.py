"""JSON files that carry their own hash, so that no bit of them changes unnoticed.

A seal finds accidents. Who rewrites a file on purpose can seal it anew: keep the seal itself elsewhere (in git, in
a lineage, on paper) where that matters.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resnetbk.repro.files import sha256_json, write_bytes


class IntegrityError(ValueError):
    """A file is not what it claims to be; nothing was read from it."""


def write_sealed(path: str | Path, content: dict[str, Any]) -> str:
    """Write a JSON object and its own hash, whole or not at all.

    **Arguments:** `path`: the file; `content`: JSON values under text keys, none of them `sha256`.
    **Returns:** the hash, which stands in the file under `sha256`: SHA-256 of the canonical JSON of `content`.
    **Raises:** `PermissionError` in a read-only folder; `ValueError` for what is not JSON.
    """
    if "sha256" in content:
        raise ValueError(f"{path}: the key 'sha256' is kept for the hash of the other keys")
    with writable(path):
        write_bytes(path, _sealed(content))
    return sha256_json(content)


def read_sealed(path: str | Path) -> dict[str, Any]:
    """Return what `write_sealed` wrote, without its hash.

    **Raises:** `FileNotFoundError`; `IntegrityError` when the file is not, to the bit, what was written.
    """
    raw = Path(path).read_bytes()
    try:
        content = json.loads(raw, object_pairs_hook=_without_duplicates)
        stated = content.pop("sha256")
        found = sha256_json(content)
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, of `_without_duplicates`
        raise IntegrityError(f"{path}: not JSON that can be trusted: {error}") from None
    except (AttributeError, TypeError, KeyError):
        raise IntegrityError(f"{path}: expected a JSON object with its own hash under 'sha256'") from None
    if found != stated:
        raise IntegrityError(f"{path}: its content has the hash {found} and it states {stated}: damaged or edited")
    if raw != _sealed(content):  # 1e-5 and 1E-5 are one bit apart and the same number
        raise IntegrityError(f"{path}: says what was written in other bytes: damaged or edited")
    return content


@contextmanager
def writable(path: str | Path) -> Iterator[None]:
    """Say clearly that a file's folder is read-only, when it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise PermissionError(
            error.errno,
            "the folder is read-only, so nothing can be written here; name a file elsewhere",
            str(path),
        ) from error


def _sealed(content: dict[str, Any]) -> bytes:
    """Return the one form in which a content is written; ASCII, so that any file name can stand in it."""
    return (json.dumps(content | {"sha256": sha256_json(content)}, indent=2, allow_nan=False) + "\n").encode()


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: readers differ in which of the two they believe."""
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object"
        )
    return result
