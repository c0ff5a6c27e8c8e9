"""Tests that run the real pipeline share one small project."""

from __future__ import annotations

import pytest
from tests.pipeline.project import Project, copy_repository


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project, with nothing run yet."""
    return copy_repository(tmp_path_factory.mktemp("project"))
