"""Which Python file each stage of dvc.yaml starts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from resnetbk.repro.validation.not_checkable import NotCheckable
from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.source import Source

STARTS = r"(?:^|\s)python[\d.]*\s+(?:-[WX]\s+\S+\s+|-\w+\s+)*?(?:-m\s+([\w.]+)|(\S+\.py))(?=\s|$)"


@dataclass(frozen=True, eq=False)
class StageScript:
    """A script and the stages that start it, in their order, once whatever the matrix."""

    source: Source
    stage: str


def started(command: str) -> str | None:
    """Return the path below the project's root that a command runs as Python, None for anything else."""
    found = re.search(STARTS, command)
    return found and (found[2] or found[1].replace(".", "/") + ".py")


def stage_scripts(project: Project) -> list[StageScript]:
    """Return the scripts that `dvc repro` starts: those of the dvc.yaml at the root, each once.

    **Raises:** `NotCheckable` when there is none.
    """
    by_path = {source.path: source for source in project.code.sources.values()}
    scripts = {}
    for stage in project.stages:
        source = by_path.get(started(stage.command) or "")
        if source and stage.description == "dvc.yaml":
            scripts.setdefault(source.path, StageScript(source, stage.name.split("@")[0]))
    if not scripts:
        raise NotCheckable("dvc.yaml starts no Python file of stages/ or src/")
    return list(scripts.values())
