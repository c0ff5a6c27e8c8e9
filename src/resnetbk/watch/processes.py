"""The stages that run just now, found among the processes of this system."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from resnetbk.housekeeping.versions import COPIES


@dataclass(frozen=True)
class Process:
    """A stage that runs: `arguments` from `stages.NAME` on, the tree it runs in, Unix time of its start."""

    arguments: tuple[str, ...]
    tree: Path
    pid: int
    since: float
    experiment: str


def running_stages(root: Path) -> list[Process]:
    """Return the stages that run in the repository at `root` or in a copy of it, the longest running first.

    A stage that shares its work among processes counts once.
    """
    found: dict[tuple, Process] = {}
    for process in psutil.process_iter():
        try:
            arguments = _stage_arguments(process.cmdline())
            if arguments is None:
                continue
            tree = Path(process.cwd())
            if tree != root and not tree.is_relative_to(root / COPIES):
                continue
            experiment = process.environ().get("DVC_EXP_NAME", "")
            stage = Process(arguments, tree, process.pid, process.create_time(), experiment)
        except psutil.Error:  # it has ended meanwhile, or is another user's
            continue
        earlier = found.setdefault((tree, arguments), stage)
        if stage.since < earlier.since:
            found[tree, arguments] = stage
    return sorted(found.values(), key=lambda stage: stage.since)


def _stage_arguments(line: list[str]) -> tuple[str, ...] | None:
    """Return what follows `python -m` where that is a stage, None for any other process."""
    for option, module in pairwise(line):
        if option == "-m" and module.startswith("stages."):
            return tuple(line[line.index(module) :])
    return None
