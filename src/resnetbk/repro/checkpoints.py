"""A registry of checkpoints: the hash each had when it was registered, and the check that it still has it."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

from filelock import FileLock

from resnetbk.repro.checkpoint_report import ReportFormat, Verification, render
from resnetbk.repro.files import write_bytes
from resnetbk.repro.hashing import Algorithm, compute_checkpoint_hash
from resnetbk.repro.sealed import IntegrityError, read_sealed, writable, write_sealed

VERSION = 1


class CheckpointVerifier:
    """Registers checkpoints (files or folders) and tells later whether they are still the same, to the bit.

    The registry is one JSON file, sealed by its own hash, written whole or not at all, and locked while it is
    changed, so that several processes and threads can register at once. Paths below its folder are kept relative
    to it: the folder can be moved or copied. Nothing is dated: the same registrations give the same bytes.

    **Arguments:** `registry_path`: the file, made by the first registration; `algorithm`: of new registrations.
    """

    def __init__(self, registry_path: str | Path, algorithm: Algorithm = "sha256") -> None:
        self.registry_path = Path(registry_path)
        self.algorithm = algorithm

    def register(self, path: str | Path, metadata: dict[str, Any] | None = None, *, replace: bool = False) -> str:
        """Hash a checkpoint and write it down.

        **Arguments:** `path`: a file or a folder; `metadata`: JSON, whatever belongs to it; `replace`: whether an
        entry of this path that says something else may be lost.
        **Returns:** the hash.
        **Raises:** `ValueError` when the path is registered with other bytes or metadata, unless `replace`, and
        for metadata that is not JSON or a folder that holds the registry; `FileNotFoundError`; `PermissionError`;
        `IntegrityError` for a damaged registry.
        """
        name = self._name(path)
        if self.registry_path.resolve().is_relative_to(Path(path).resolve()):
            raise ValueError(f"{path}: holds the registry {self.registry_path}, which changes; keep it elsewhere")
        entry = {
            "algorithm": self.algorithm,
            "hash": compute_checkpoint_hash(path, self.algorithm),
            "metadata": _as_json(path, metadata or {}),
        }
        with self._lock():
            entries = self._entries(absent_is_empty=True)
            if entries.get(name, entry) != entry and not replace:
                what = "other bytes" if entries[name]["hash"] != entry["hash"] else "other metadata"
                raise ValueError(
                    f"{self.registry_path}: {name} is registered with {what}; verify it, or pass replace=True to "
                    "lose that entry"
                )
            entries[name] = entry
            write_sealed(self.registry_path, {"version": VERSION, "checkpoints": dict(sorted(entries.items()))})
        return entry["hash"]

    def verify(self, path: str | Path) -> Verification:
        """Check one registered checkpoint.

        **Raises:** `ValueError` when it is not registered; `FileNotFoundError` without a registry;
        `IntegrityError` for a damaged one.
        """
        name, entries = self._name(path), self._entries()
        if name not in entries:
            raise ValueError(
                f"{self.registry_path}: {name} is not registered; it knows {', '.join(entries) or 'none'}"
            )
        return self._verification(name, entries[name])

    def verify_all(self) -> list[Verification]:
        """Check every registered checkpoint, in the order of their paths.

        **Raises:** as `verify`.
        """
        return [self._verification(name, entry) for name, entry in self._entries().items()]

    def export_report(self, path: str | Path, format: ReportFormat = "markdown") -> list[Verification]:
        """Check every registered checkpoint and write what was found to a file.

        **Arguments:** `path`: the file to write; `format`: "markdown" or "json".
        **Returns:** what `verify_all` returns.
        **Raises:** as `verify`; `ValueError` for another format; `PermissionError`.
        """
        if format not in get_args(ReportFormat):
            raise ValueError(f"format: expected one of {', '.join(get_args(ReportFormat))}, found {format!r}")
        results = self.verify_all()
        with writable(path):
            write_bytes(path, render(results, format))
        return results

    def _lock(self) -> AbstractContextManager[Any]:
        with writable(self.registry_path):
            self.registry_path.parent.mkdir(parents=True, exist_ok=True)
            return FileLock(f"{self.registry_path}.lock").acquire()

    def _entries(self, *, absent_is_empty: bool = False) -> dict[str, dict[str, Any]]:
        if absent_is_empty and not self.registry_path.exists():
            return {}
        content = read_sealed(self.registry_path)
        if content.get("version") != VERSION or not isinstance(content.get("checkpoints"), dict):
            raise IntegrityError(f"{self.registry_path}: not a registry of checkpoints of version {VERSION}")
        return content["checkpoints"]

    def _name(self, path: str | Path) -> str:
        """Return how a path is written down: relative to the registry's folder when below it, else absolute."""
        absolute, folder = Path(os.path.abspath(path)), Path(os.path.abspath(self.registry_path)).parent
        return (absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute).as_posix()

    def _verification(self, name: str, entry: dict[str, Any]) -> Verification:
        path = self.registry_path.parent / name
        algorithm, expected = entry["algorithm"], entry["hash"]
        try:
            found = compute_checkpoint_hash(path, algorithm)
        except FileNotFoundError:
            status, found = "missing", "nothing there"
        except (ValueError, RuntimeError, OSError) as error:  # one bad checkpoint must not hide the others
            status, found = "unreadable", str(error)
        else:
            status = "intact" if found == expected else "changed"
        return Verification(name, status, algorithm, expected, found, entry["metadata"])


def _as_json(path: str | Path, metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(metadata, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: its metadata cannot be written as JSON: {error}") from None
