"""Where the pipeline cannot run or be verified: one clear error each, and nothing changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMIT = "echo > dvc.lock && git init -q . && git add -A && git -c user.name=T -c user.email=t@e.org commit -qm x"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text("stages: {}")
    return tmp_path


def run(command: str, cwd: Path, before: str = "0") -> str:
    """Run a command of the pipeline and return the last line of its complaint."""
    code = f"from resnetbk.pipeline import reproduce, verify; import os; {before}; {command}"
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stderr.partition("resnetbk.errors.UserError: ")[2].rstrip()


@pytest.mark.parametrize("command", ["reproduce(1)", "verify(1)"])
def test_not_at_the_root(place: Path, command: str):
    (place / "folder").mkdir()
    message = run(command, place / "folder")
    assert message == f"{place / 'folder'}: no dvc.yaml here; run from the repository's root"


@pytest.mark.parametrize("command", ["reproduce(1)", "verify(1)"])
def test_without_git(place: Path, command: str):
    message = run(command, place)
    assert message.startswith(f"{place}: not the root of a git repository")
    assert "git init" in message


@pytest.mark.parametrize("command", ["reproduce(1)", "verify(1)"])
def test_a_read_only_directory(place: Path, command: str):
    (place / ".git").mkdir()
    place.chmod(0o555)
    message = run(command, place, before="os.getuid() == 0 and os.setuid(65534)")  # to whom permissions apply
    place.chmod(0o755)
    assert message.startswith(f"{place}: cannot be written to")


def test_without_a_commit(place: Path):
    shell("git init -q .", place)
    message = run("verify(1)", place)
    assert message == "the last commit has no dvc.lock; run `make reproduce` and commit what it makes"


def test_what_is_not_committed_is_named(place: Path):
    shell(f"{COMMIT} && echo >> dvc.yaml", place)
    assert "\n M dvc.yaml\n" in run("verify(1)", place)


def test_a_certificate_that_cannot_be_written_is_refused_before_the_work(place: Path):
    shell(COMMIT, place)
    message = run("verify(1, 'dvc.yaml/certificate.json')", place)
    assert message.startswith("dvc.yaml: the certificate cannot be written there")


def shell(line: str, cwd: Path) -> None:
    subprocess.run(line, shell=True, cwd=cwd, check=True)
