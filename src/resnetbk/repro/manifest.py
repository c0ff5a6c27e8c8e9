"""Integrity manifests: the files of a directory, their sizes and hashes, and the check that they still are so."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from resnetbk.repro.hashing import Algorithm, hash_files
from resnetbk.repro.integrity_report import FileRecord, IntegrityReport, compare_records
from resnetbk.repro.sealed import IntegrityError, read_sealed, writable, write_sealed

MANIFEST = "integrity.json"
VERSION = 1


def create_integrity_manifest(
    directory: str | Path,
    manifest: str | Path | None = None,
    *,
    algorithm: Algorithm = "sha256",
    replace: bool = False,
) -> dict[str, FileRecord]:
    """Write down every file of a directory with its size and hash, and seal the list with a hash of its own.

    Empty folders, dates and permissions are not recorded; nor is the manifest, where it lies inside.

    **Arguments:** `directory`: what to record; `manifest`: the file to write, inside the directory or not
    (default: integrity.json in it); `algorithm`: of the files' hashes; `replace`: lose an older manifest.
    **Returns:** name to record, sorted by name.
    **Raises:** `FileExistsError`, unless `replace`; `FileNotFoundError`; `PermissionError` where the manifest
    cannot be written; `ValueError` when the directory is none, or holds a symbolic link.
    """
    directory, path = _places(directory, manifest)
    if path.exists() and not replace:
        raise FileExistsError(f"{path}: there is a manifest already; check it, or ask to replace it")
    with writable(path):  # found out now, and not after an hour of hashing
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    files = _records(directory, path, algorithm)
    listed = {name: record._asdict() for name, record in files.items()}
    write_sealed(path, {"version": VERSION, "algorithm": algorithm, "files": listed})
    return files


def check_integrity_manifest(directory: str | Path, manifest: str | Path | None = None) -> IntegrityReport:
    """Compare every file of a directory with what its manifest says.

    No name in the manifest is ever opened: the directory's own files are read, and compared with the list.

    **Arguments:** as `create_integrity_manifest`.
    **Returns:** what is missing, extra, changed and renamed.
    **Raises:** `FileNotFoundError`; `IntegrityError` for a manifest that cannot be believed: damaged, edited, of
    another version, with a path that leaves the directory, or with sizes that its own hashes contradict;
    `ValueError` when the directory is none, or holds a symbolic link.
    """
    directory, path = _places(directory, manifest)
    algorithm, expected = read_manifest(path)
    found = _records(directory, path, algorithm)
    for name in expected.keys() & found.keys():
        stated, true = expected[name].size, found[name].size
        if stated != true and expected[name].hash == found[name].hash:
            raise IntegrityError(f"{path}: {name!r}: states {stated:,} bytes for the hash of {true:,}: it lies")
    return compare_records(directory, expected, found)


def read_manifest(path: str | Path) -> tuple[Algorithm, dict[str, FileRecord]]:
    """Return the algorithm and the files of a manifest.

    **Raises:** `FileNotFoundError`; `IntegrityError` for a manifest that cannot be believed.
    """
    content = read_sealed(path)
    if content.get("version") != VERSION:
        raise IntegrityError(f"{path}: version: expected {VERSION}, found {content.get('version')!r}")
    algorithm, files = content.get("algorithm"), content.get("files")
    if algorithm not in get_args(Algorithm) or not isinstance(files, dict):
        raise IntegrityError(f"{path}: not an integrity manifest: it needs an algorithm and files")
    return algorithm, {name: _record(path, name, files[name]) for name in files}


def _record(path: str | Path, name: str, value: Any) -> FileRecord:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or str(pure) != name or "\0" in name:
        raise IntegrityError(f"{path}: {name!r}: expected a plain path inside the directory")
    if not isinstance(value, dict) or {key: type(value[key]) for key in value} != {"hash": str, "size": int}:
        raise IntegrityError(f"{path}: {name!r}: expected a hash and a size in bytes, found {value!r:.60}")
    return FileRecord(**value)


def _places(directory: str | Path, manifest: str | Path | None) -> tuple[Path, Path]:
    directory = Path(directory)
    path = directory / MANIFEST if manifest is None else Path(manifest)
    if not directory.exists():
        raise FileNotFoundError(f"{directory}: expected a directory, found nothing")
    if not directory.is_dir():
        raise ValueError(f"{directory}: expected a directory, found a file")
    if path.is_symlink():
        raise ValueError(f"{path}: a symbolic link, which may point anywhere; name the manifest itself")
    if path.is_dir():
        raise ValueError(f"{path}: expected a file for the manifest, found a directory")
    return directory, path


def _records(directory: Path, manifest: Path, algorithm: Algorithm) -> dict[str, FileRecord]:
    """Return the record of every file but the manifest."""
    files = hash_files(directory, algorithm)
    if manifest.resolve().is_relative_to(directory.resolve()):
        files.pop(manifest.resolve().relative_to(directory.resolve()).as_posix(), None)
    return {name: FileRecord(*record) for name, record in files.items()}
