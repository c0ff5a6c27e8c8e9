"""Does dvc.lock belong to dvc.yaml, params.yaml and the files as they are?"""

from __future__ import annotations

import os

from resnetbk.repro.validation.dvc_stages import Dependency, Stage, hash_now
from resnetbk.repro.validation.paths import overlap
from resnetbk.repro.validation.project import Project


def lock_in_step(project: Project) -> list[str]:
    """Compare each stage with its entry in dvc.lock: command, params and the names of what it reads and makes."""
    stages, problems = project.stages, []
    project.mapping("dvc.lock")
    for lock in sorted({stage.lock for stage in stages}):
        entries = (project.mapping(lock).get("stages") if (project.root / lock).is_file() else {}) or {}
        here = {stage.name: stage for stage in stages if stage.lock == lock}
        for name in sorted(entries.keys() - here.keys()):
            problems.append(f"{lock}: {name} is no stage of {lock.removesuffix('.lock')}.yaml any more")
        for name, stage in here.items():
            if name not in entries:
                problems.append(f"{lock}: {name} has never run: run `dvc repro {stage.description}`")
                continue
            problems += [
                f"{lock}: {name}: another {what} now: run `dvc repro {stage.description}`"
                for what in _differences(stage, entries[name])
            ]
    return problems


def files_as_locked(project: Project) -> list[str]:
    """Name each source file and committed out whose content is not the one that dvc.lock holds."""
    stages = project.stages
    made = {out.path for stage in stages for out in stage.outs}
    files: dict[str, Dependency] = {}
    for stage in stages:
        read = [dep for dep in stage.deps if not any(overlap(dep.path, out) for out in made)]
        for file in read + [out for out in stage.outs if not out.cached]:
            if file.md5 and (project.root / file.path).exists():
                files.setdefault(file.path, file)
    return [
        f"{path}: changed since the pipeline ran: run `dvc repro`"
        for path, file in sorted(files.items())
        if hash_now(file) != file.md5
    ]


def _differences(stage: Stage, entry: dict) -> list[str]:
    locked_params = {key: value for file in (entry.get("params") or {}).values() for key, value in file.items()}
    commands = entry.get("cmd", "")
    pairs = {
        "command": (stage.command, commands if isinstance(commands, str) else "\n".join(commands)),
        "list of deps": _paths(stage, stage.deps, entry.get("deps")),
        "list of outs": _paths(stage, stage.outs, entry.get("outs")),
        "set of params": (sorted(stage.params), sorted(locked_params)),
    }
    different = [what for what, (now, then) in pairs.items() if now != then]
    shared = stage.params.keys() & locked_params.keys()
    return different + [f"value of {key}" for key in sorted(shared) if stage.params[key] != locked_params[key]]


def _paths(stage: Stage, now: tuple[Dependency, ...], then: list[dict] | None) -> tuple[list[str], list[str]]:
    locked = (os.path.normpath(f"{stage.folder}/{entry['path']}") for entry in then or [])
    return sorted(dep.path for dep in now), sorted(locked)
