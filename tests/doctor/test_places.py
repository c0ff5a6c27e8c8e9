"""Disk, permissions, locks, git, params.yaml: each fault is made for real and found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.read_only import NOBODY, read_only_folder

from resnetbk.doctor.git import STALE, examine_git
from resnetbk.doctor.parameters import examine_parameters
from resnetbk.doctor.storage import examine_storage, judge_room

ROOT = Path(__file__).parents[2]
GIB = 2**30


def states(findings) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with a commit, and no configuration but its own."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "config", "user.name", "Test")
    git(root, "config", "user.email", "test@example.com")
    git(root, "commit", "-q", "--allow-empty", "-m", "Start")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)


def test_a_repository_with_a_commit_is_well(repository: Path):
    assert states(examine_git(repository)) == {"git": "ok", "repository": "ok", "committer": "ok"}


def test_git_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert states(examine_git(tmp_path)) == {"git": "wrong"}


def test_a_folder_that_is_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert states(examine_git(tmp_path))["repository"] == "wrong"


def test_a_folder_inside_a_repository(repository: Path):
    (repository / "inner").mkdir()
    assert states(examine_git(repository / "inner"))["repository"] == "wrong"


def test_a_repository_without_a_commit(repository: Path):
    git(repository, "update-ref", "-d", "HEAD")
    assert states(examine_git(repository))["repository"] == "wrong"


def test_nobody_to_commit(repository: Path):
    git(repository, "config", "--unset", "user.email")
    git(repository, "config", "user.useConfigOnly", "true")
    assert states(examine_git(repository))["committer"] == "wrong"


def test_a_lock_that_a_kill_has_left(repository: Path):
    lock = repository / ".git" / "index.lock"
    lock.touch()
    assert "git's lock" not in states(examine_git(repository)), "somebody works"
    os.utime(lock, (lock.stat().st_mtime - 2 * STALE,) * 2)
    assert states(examine_git(repository))["git's lock"] == "wrong"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_somebody_else(repository: Path):
    for path in (repository, repository / ".git"):
        os.chown(path, NOBODY, NOBODY)
    (found,) = [finding for finding in examine_git(repository) if finding.name == "repository"]
    assert found.state == "wrong" and found.mend == f"git config --global --add safe.directory {repository}"


def test_a_disk_with_room_and_locks_is_well(tmp_path: Path):
    found = states(examine_storage(tmp_path))
    assert found["disk"] in ("ok", "note") and found["writing"] == found["locks"] == "ok"
    assert not list(tmp_path.iterdir()), "nothing stays behind"


@pytest.mark.parametrize(
    ("free", "inodes", "state"),
    [(50 * GIB, None, "ok"), (3 * GIB, 10**6, "note"), (GIB // 2, None, "wrong"), (50 * GIB, 12, "wrong")],
)
def test_a_full_disk(free: int, inodes: int | None, state: str):
    assert judge_room(Path("/data"), free, inodes).state == state


def test_a_folder_that_cannot_be_written_to():
    with read_only_folder() as folder:
        (found,) = [finding for finding in examine_storage(folder) if finding.name == "writing"]
    assert found.state == "wrong" and "Permission denied" in found.found


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs a C compiler to make a disk without locks")
def test_a_disk_without_locks(tmp_path: Path):
    source = "#include <errno.h>\nint flock(int file, int how) { errno = ENOLCK; return -1; }\n"
    library = tmp_path / "no_locks.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-xc", "-", "-o", library], input=source, text=True, check=True)
    code = (
        "from pathlib import Path; from resnetbk.doctor.storage import examine_storage\n"
        f"for finding in examine_storage(Path({str(tmp_path)!r})): print(finding.name, finding.state)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LD_PRELOAD": str(library)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "locks wrong\n" in done.stdout


def test_parameters(tmp_path: Path):
    assert states(examine_parameters(ROOT)) == {"params.yaml": "ok"}
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("  gradient_clip:", "  gradient_clap:"), encoding="utf-8")
    (found,) = examine_parameters(tmp_path)
    assert found.state == "wrong" and "gradient_clap" in found.found
