"""`make setup` empties an environment of another lock, but never one that is only linked to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.pipeline.project import ROOT


def set_up(folder: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.lock").touch()
    return subprocess.run(["make", "setup"], cwd=folder, capture_output=True, text=True)


def test_an_environment_behind_a_link_is_left_alone(tmp_path: Path):
    (tmp_path / "project").mkdir()
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment/kept").touch()
    (tmp_path / "project/.venv").symlink_to("../environment")
    done = set_up(tmp_path / "project")
    assert done.returncode
    assert ".venv is a link" in done.stdout
    assert (tmp_path / "environment/kept").exists()


def test_the_control_a_folder_is_made_anew(tmp_path: Path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/kept").touch()
    done = set_up(tmp_path)
    assert done.returncode, "there is no package to install here"
    assert "making .venv anew" in done.stdout
    assert not (tmp_path / ".venv/kept").exists()
