"""Are there memory and file descriptors enough?"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

from resnetbk.doctor.finding import Finding

CELL_GIB = 1.0  # torch, NumPy and a network of the default's size
FEWEST_FILES = 256  # macOS gives so many; less is not enough for DVC's queue and a server of MLflow
FILES = 1024


def examine_resources(root: Path) -> Iterator[Finding]:
    """Yield how much memory is free for cells, and how many files one process may open."""
    import psutil

    yield judge_memory(psutil.virtual_memory().available, _limit_of_container())
    yield judge_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def judge_memory(available: int, limit: int | None) -> Finding:
    """Judge memory: bytes that are `available`, and the `limit` of a container, None without one."""
    usable = min(available, limit if limit is not None else available) / 2**30
    found = f"{usable:.1f} GiB for cells of about {CELL_GIB:.0f} GiB each"
    if usable < CELL_GIB:
        return Finding("memory", "wrong", found, "close other programs, or raise the container's limit")
    if usable < 2 * CELL_GIB:
        return Finding("memory", "note", found, "make reproduce JOBS=1")
    return Finding("memory", "ok", found)


def judge_files(limit: int) -> Finding:
    """Judge how many files one process may open."""
    found = f"{'any number' if limit == resource.RLIM_INFINITY else limit} may be open at once"
    few = limit != resource.RLIM_INFINITY and limit < FILES
    state = "wrong" if few and limit < FEWEST_FILES else "note" if few else "ok"
    return Finding("files", state, found, f"ulimit -n {4 * FILES}" if few else "")


def _limit_of_container() -> int | None:
    """Return what the control group of this process leaves it, in bytes; None where none is set."""
    for name, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        if Path(name).is_file():
            text = Path(name).read_text().strip()
            return int(text) - int(Path(used).read_text()) if text.isdigit() else None
    return None
