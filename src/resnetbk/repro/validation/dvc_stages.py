"""The stages of a project as DVC itself reads them: matrix and templates resolved, with the hashes of dvc.lock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resnetbk.repro.validation.not_checkable import NotCheckable


@dataclass(frozen=True)
class Dependency:
    """A file or folder that a stage reads or makes, relative to the project's root."""

    path: str
    cached: bool
    md5: str | None
    output: Any  # DVC's own object


@dataclass(frozen=True)
class Stage:
    """One stage, or one cell of a matrix. Paths are relative to the project's root: `lock` is its dvc.lock and
    `folder` where it runs. `params` are key to value now; `absent` are those it declares and no file holds.
    """

    name: str
    command: str
    description: str
    lock: str
    folder: str
    deps: tuple[Dependency, ...]
    outs: tuple[Dependency, ...]
    params: dict[str, Any]
    absent: tuple[str, ...]


def read_stages(root: Path) -> tuple[Stage, ...]:
    """Return every stage of every dvc.yaml below a project's root.

    **Raises:** `NotCheckable` when DVC cannot read one, with what DVC says.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(os.fspath(root), uninitialized=True) as repo:  # which writes nothing, unlike an opened one
            return tuple(_stage(root, stage) for stage in repo.index.stages if not stage.is_data_source)
    except DvcException as error:
        raise NotCheckable(f"dvc.yaml: {error}") from None


def _stage(root: Path, stage: Any) -> Stage:
    from dvc.dependency import ParamsDependency

    description = Path(stage.dvcfile.path).relative_to(root)
    command = stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd)
    declared = [dependency for dependency in stage.deps if isinstance(dependency, ParamsDependency)]
    params = {key: value for dep in declared for key, value in dep.read_params().items()}
    return Stage(
        name=stage.name,
        command=command,
        description=description.as_posix(),
        lock=description.with_suffix(".lock").as_posix(),
        folder=os.path.relpath(stage.wdir, root),
        deps=tuple(_file(root, dep) for dep in stage.deps if not isinstance(dep, ParamsDependency)),
        outs=tuple(_file(root, out) for out in stage.outs),
        params=params,
        absent=tuple(key for dep in declared for key in dep.params if key not in params),
    )


def _file(root: Path, output: Any) -> Dependency:
    value = output.hash_info.value if output.hash_info else None
    return Dependency(os.path.relpath(output.fs_path, root).replace(os.sep, "/"), output.use_cache, value, output)


def hash_now(file: Dependency) -> str:
    """Return the hash that DVC gives to a file or a folder as it is now."""
    return file.output.get_hash().value
