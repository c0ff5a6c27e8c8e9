from __future__ import annotations

from pathlib import Path

import pytest
from tests.housekeeping.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    path = tmp_path / "project"
    path.mkdir()
    return Repository(path)
