"""Tests that run the real pipeline share one small project, run once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock
from tests.pipeline.project import Project, copy_repository


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after its first `make reproduce`, committed; each worker of the test run has its copy."""
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "done"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            run_once(shared.with_name("first"))
            shared.with_name("first").rename(shared)
    return Project(shared).copied(tmp_path_factory.mktemp("project") / "project")


def run_once(path: Path) -> None:
    path.mkdir()
    project = copy_repository(path)
    output = project.run("make reproduce").stdout
    assert project.ran(output)[0] == "prepare"
    project.run("git add -A && git commit -qm 'Run'")
