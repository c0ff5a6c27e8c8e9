"""Is there room, and may this user write and lock files where the project does?"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from resnetbk.doctor.finding import Finding

LEAST_GIB = 1.0  # the default's outs, twice: in DVC's cache and in the tree
ROOMY_GIB = 5.0  # .venv takes about 3
FEWEST_INODES = 10_000
WRITTEN = (".", ".dvc", ".dvc/tmp", ".dvc/cache", ".git", ".resume", ".resnetbk", "metrics", "models", "report")


def examine_storage(root: Path) -> Iterator[Finding]:
    """Yield the room on each disk in use, the folders that cannot be written to, and whether locks work."""
    disks: dict[int, Path] = {}
    for folder in (root, (root / ".dvc/cache").resolve(), Path(tempfile.gettempdir())):
        if folder.is_dir():
            disks.setdefault(folder.stat().st_dev, folder)
    for folder in disks.values():
        status = os.statvfs(folder)
        yield judge_room(folder, shutil.disk_usage(folder).free, status.f_favail if status.f_files else None)
    places = [folder for name in WRITTEN if (folder := root / name).is_dir()]
    refused = [reason for folder in (*places, Path(tempfile.gettempdir())) if (reason := _refusal(folder))]
    if refused:
        mend = f"sudo chown -R $USER {root}; or copy the repository to a folder that can be written to"
        yield Finding("writing", "wrong", "; ".join(refused), mend)
        return
    yield Finding("writing", "ok", "everywhere that the project writes")
    yield _locks(root)


def judge_room(folder: Path, free: int, inodes: int | None) -> Finding:
    """Judge a disk by its `free` bytes and the files it can still take, None where it does not say."""
    name, gib = "disk", free / 2**30
    found = f"{gib:.1f} GiB free at {folder}"
    mend = f"free some space at {folder}: `resnetbk gc` shows what no commit needs"
    if inodes is not None and inodes < FEWEST_INODES:
        return Finding(name, "wrong", f"room for {inodes} more files at {folder}", mend)
    if gib < LEAST_GIB:
        return Finding(name, "wrong", f"{found}; {LEAST_GIB:.0f} GiB needed", mend)
    return Finding(name, "note", found, mend) if gib < ROOMY_GIB else Finding(name, "ok", found)


def _refusal(folder: Path) -> str:
    """Return why nothing can be written into a folder, "" when something can."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return ""


def _locks(root: Path) -> Finding:
    from filelock import FileLock

    try:
        with tempfile.TemporaryDirectory(dir=root, prefix=".doctor-") as folder, FileLock(Path(folder, "lock")):
            return Finding("locks", "ok", "files can be locked")
    except (OSError, NotImplementedError) as error:
        mend = "use a local disk, or a network disk with locks (NFS 4, or NFS 3 with lockd)"
        return Finding("locks", "wrong", f"files cannot be locked at {root}: {error}", mend)
