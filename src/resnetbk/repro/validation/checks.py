"""The checks of a project with their points, which add up to 100."""

from __future__ import annotations

from pathlib import Path

from resnetbk.repro.validation import (
    committed,
    determinism,
    environment,
    layout,
    load_order,
    locked,
    parameters,
    pipeline,
    random_calls,
    reproducibility_tests,
    seed_flow,
)
from resnetbk.repro.validation.not_checkable import NotCheckable
from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.result import Check, Outcome, Validation

CHECKS = (
    Check("required files", 8, "error", layout.required_files),
    Check("required folders", 4, "error", layout.required_folders),
    Check("commands in the README", 3, "warning", layout.readme_commands),
    Check("continuous integration", 3, "warning", layout.continuous_integration),
    Check("data and weights outside git", 6, "error", committed.nothing_heavy_in_git),
    Check("every package pinned", 8, "error", environment.every_package_pinned),
    Check("Python declared", 3, "warning", environment.python_declared),
    Check("base image pinned", 4, "error", environment.image_pinned),
    Check("dependencies exist", 5, "error", pipeline.dependencies_exist),
    Check("scripts are dependencies", 4, "error", pipeline.scripts_declared),
    Check("dvc.lock in step", 8, "error", locked.lock_in_step),
    Check("files as in dvc.lock", 3, "warning", locked.files_as_locked),
    Check("params used", 5, "error", parameters.params_used),
    Check("seed reaches a generator", 8, "error", seed_flow.seed_reaches_a_generator),
    Check("no unseeded draw", 8, "error", random_calls.unseeded_draws),
    Check("level before NumPy and torch", 6, "error", load_order.level_before_numpy_and_torch),
    Check("level promises bits", 3, "error", determinism.level_promises_bits),
    Check("deterministic algorithms", 4, "error", determinism.deterministic_algorithms),
    Check("bits compared in a test", 5, "error", reproducibility_tests.bits_compared),
    Check("negative control in a test", 2, "error", reproducibility_tests.difference_possible),
)


def validate_template_structure(path: str | Path = ".") -> Validation:
    """Check that a project has what it takes to be reproduced; nothing in it is run or written.

    A score of 100 says that nothing is missing. That the bits are the same is shown by running the pipeline again.

    **Arguments:** `path`: the project's root folder.
    **Returns:** the score (0 to 100), errors, warnings, and each check with its points.
    **Raises:** `FileNotFoundError` or `NotADirectoryError` when there is no such folder.
    """
    root = Path(path)
    if not root.exists():
        raise FileNotFoundError(f"{path}: no such folder; expected the root of a project")
    if not root.is_dir():
        raise NotADirectoryError(f"{path}: a file; expected the root folder of a project")
    project = Project(root.resolve())
    return Validation(tuple(_outcome(check, project) for check in CHECKS))


def _outcome(check: Check, project: Project) -> Outcome:
    try:
        problems = tuple(check.find(project))
    except NotCheckable as error:
        return Outcome(check.name, check.points, check.severity, "not checked", (str(error),))
    return Outcome(check.name, check.points, check.severity, "failed" if problems else "passed", problems)
