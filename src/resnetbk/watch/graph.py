"""The stages of one tree as DVC reads them, and which of them dvc.lock records as made from the present files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = "dvc.lock"
DEFINITION = ("dvc.yaml", "params.yaml")


@dataclass(frozen=True)
class Stage:
    """A stage with its cell, such as `train@mamba-0`.

    `sources`: hashes of what no stage makes; `made`: what other stages make of its dependencies, as DVC's objects,
    which `outs` holds too; `params`: file to key to value; `above`: the stages that make what it needs.
    """

    name: str
    command: str
    outs: dict[str, Any]
    params: dict[str, dict[str, Any]]
    sources: dict[str, str | None]
    made: dict[str, Any]
    above: tuple[str, ...]


class Graph:
    """The stages of the tree at `root`, in the order of dvc.yaml.

    Opening hashes the sources, which takes seconds; they are taken not to change while somebody watches.

    **Raises:** `dvc.exceptions.DvcException` when DVC cannot read the tree, as while a copy is being made.
    """

    def __init__(self, root: Path) -> None:
        from dvc.dependency import ParamsDependency
        from dvc.repo import Repo

        self.root = root
        self._known: dict[str, bool] = {}
        self._entries: dict[str, dict] = {}
        self._lock_time: int | None = None
        self._defined = definition_times(root)
        definition = str(root / "dvc.yaml")  # not the benchmarks', which nobody reproduces
        stages = [stage for stage in Repo(str(root)).index.stages if stage.path == definition]
        outs = {stage.name: {_path(out, root): out for out in stage.outs} for stage in stages}
        hashes: dict[str, str | None] = {}
        self.stages: dict[str, Stage] = {}
        for stage in stages:
            params, sources, made, above = {}, {}, {}, []
            for dep in stage.deps:
                path = _path(dep, root)
                if isinstance(dep, ParamsDependency):
                    params[path] = dep.read_params()
                    continue
                makers = [name for name, paths in outs.items() if any(_overlap(path, out) for out in paths)]
                above += makers
                if makers:
                    made[path] = dep
                else:
                    if path not in hashes:
                        hashes[path] = _hash(dep)
                    sources[path] = hashes[path]
            self.stages[stage.name] = Stage(
                stage.name,
                stage.cmd,
                outs[stage.name],
                params,
                sources,
                made,
                above=tuple(dict.fromkeys(above)),
            )

    @property
    def outdated(self) -> bool:
        """Whether dvc.yaml or params.yaml was written since this was read."""
        return definition_times(self.root) != self._defined

    def done(self) -> set[str]:
        """Return the stages that are made from the present files, code, parameters and command."""
        self._read_lock()
        done: set[str] = set()
        for stage in self.stages.values():  # a stage may stand before those above it
            self._settle(stage, done, set())
        return done

    def _settle(self, stage: Stage, done: set[str], asked: set[str]) -> bool:
        if stage.name in done:
            return True
        if stage.name in asked:
            return False
        asked.add(stage.name)
        entry = self._entries.get(stage.name)
        if entry is None or not all(self._settle(self.stages[name], done, asked) for name in stage.above):
            return False
        key = json.dumps([stage.name, entry, [self._entries[name].get("outs") for name in stage.above]])
        if key not in self._known:
            self._known[key] = _matches(stage, entry)
        if self._known[key] and all((self.root / out).exists() for out in stage.outs):
            done.add(stage.name)
        return stage.name in done

    def _read_lock(self) -> None:
        """Read dvc.lock where it changed; one that DVC is writing just now is read the next time."""
        from dvc.utils.serialize import ParseError, parse_yaml

        path = self.root / LOCK
        written = path.stat().st_mtime_ns if path.exists() else None
        if written == self._lock_time:
            return
        try:
            content = parse_yaml(path.read_text(encoding="utf-8"), path) if written else {}
        except (ParseError, OSError):
            return
        self._entries, self._lock_time = (content or {}).get("stages", {}), written


def definition_times(root: Path) -> list[int]:
    """Return when the files that define a pipeline were last written, in nanoseconds."""
    return [path.stat().st_mtime_ns if (path := root / name).exists() else 0 for name in DEFINITION]


def _matches(stage: Stage, entry: dict[str, Any]) -> bool:
    """Return whether an entry of dvc.lock is of this command, these parameters and the files that are here."""
    deps = {dep["path"]: dep.get("md5") for dep in entry.get("deps", [])}
    if entry["cmd"] != stage.command or entry.get("params", {}) != stage.params:
        return False
    if deps.keys() != stage.sources.keys() | stage.made.keys():
        return False
    if any(deps[path] != digest for path, digest in stage.sources.items()):
        return False
    outs = {out["path"]: out.get("md5") for out in entry.get("outs", [])}
    here = [(outs, stage.outs), (deps, stage.made)]
    return all(recorded.get(path) == _hash(file) for recorded, files in here for path, file in files.items())


def _hash(dep: Any) -> str | None:
    """Return DVC's hash of a dependency, None where it is not there; its cache of hashes makes that quick."""
    try:
        return dep.get_hash().value
    except FileNotFoundError:
        return None


def _path(entry: Any, root: Path) -> str:
    return Path(entry.fs_path).relative_to(root).as_posix()


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
