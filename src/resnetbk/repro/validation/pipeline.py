"""Does dvc.yaml name what is there?"""

from __future__ import annotations

from resnetbk.repro.validation.not_checkable import NotCheckable
from resnetbk.repro.validation.paths import overlap, within
from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.stage_scripts import started


def dependencies_exist(project: Project) -> list[str]:
    """Name each dependency that is neither a file nor made by a stage, and what DVC cannot read of dvc.yaml."""
    for name in ("dvc.yaml", "params.yaml", "dvc.lock"):
        if (project.root / name).exists():
            project.mapping(name)  # broken YAML is another check's finding
    try:
        stages = project.stages
    except NotCheckable as error:
        return [str(error)]
    made = [out.path for stage in stages for out in stage.outs]
    problems = [] if stages else ["dvc.yaml: has no stage"]
    for stage in stages:
        for dep in stage.deps:
            if not (project.root / dep.path).exists() and not any(overlap(dep.path, out) for out in made):
                problems.append(f"{stage.description}: {stage.name}: no file {dep.path}, and no stage makes it")
        problems += [f"{stage.description}: {stage.name}: params.yaml has no key {key}" for key in stage.absent]
    return problems


def scripts_declared(project: Project) -> list[str]:
    """Name each stage whose own script is missing from its dependencies, so that an edit would run nothing."""
    return [
        f"{stage.description}: {stage.name}: runs {script}, which is not among its deps"
        for stage in project.stages
        if (script := started(stage.command)) and not any(within(script, dep.path) for dep in stage.deps)
    ]
