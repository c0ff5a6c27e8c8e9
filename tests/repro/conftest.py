"""A new project, made once for all tests of validation and template; each worker of the test run has its copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from resnetbk.repro.template import create_reproducible_template


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as `create_reproducible_template` leaves it; copy it before you change it."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with FileLock(shared / "my-study.lock"):
        if not (shared / "my-study").exists():
            create_reproducible_template("my-study", directory=shared)
    return shared / "my-study"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(made, tmp_path / "my-study"))
