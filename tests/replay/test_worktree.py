"""A worktree is gone when its work is done, however that ends, and failing to make one is one clear error."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.replay.small import git, make_repository

from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.git import top_level
from resnetbk.replay.worktree import worktree


@pytest.fixture
def repository(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)  # read TMPDIR anew
    return make_repository(tmp_path / "repository")


def nothing_is_left(repository):
    left = list((repository.parent / "temporary").iterdir())
    return left == [] and len(git(repository, "worktree", "list").splitlines()) == 1


def test_it_holds_the_commit_and_leaves_nothing(repository):
    (repository / "params.yaml").write_text("edited since\n")
    with worktree(repository, git(repository, "rev-parse", "HEAD")) as tree:
        assert (tree / "params.yaml").read_text() == "train: {steps: 1}\n"
    assert nothing_is_left(repository)
    assert (repository / "params.yaml").read_text() == "edited since\n"


def test_an_exception_leaves_nothing(repository):
    with pytest.raises(ZeroDivisionError), worktree(repository, git(repository, "rev-parse", "HEAD")):
        _ = 1 / 0
    assert nothing_is_left(repository)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing(repository, number):
    code = (
        "import sys, time; from pathlib import Path; from resnetbk.replay.worktree import worktree\n"
        "with worktree(Path(sys.argv[1]), sys.argv[2]): print('made', flush=True); time.sleep(60)"
    )
    commit = git(repository, "rev-parse", "HEAD")
    process = subprocess.Popen(
        [sys.executable, "-c", code, repository, commit], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        assert process.stdout.readline() == b"made\n"
        assert not nothing_is_left(repository)
        process.send_signal(number)
    assert process.returncode not in (0, -signal.SIGKILL)
    assert nothing_is_left(repository)


def test_kept_it_says_how_to_remove_it(repository, capsys):
    with worktree(repository, git(repository, "rev-parse", "HEAD"), keep=True) as tree:
        pass
    assert f"git worktree remove --force {tree}" in capsys.readouterr().err
    git(repository, "worktree", "remove", "--force", str(tree))


def test_no_hook_of_the_repository_runs(repository):
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    with worktree(repository, git(repository, "rev-parse", "HEAD")) as tree:
        assert not (tree / "hooked").exists()


def test_a_commit_that_is_gone(repository):
    with pytest.raises(NotCheckable, match=f"commit {'1' * 40} is not in .*`git fetch` it"):
        with worktree(repository, "1" * 40):
            pass


def test_a_git_folder_that_cannot_be_written(repository):
    (repository / ".git/worktrees").write_text("a file where git makes a folder")
    with pytest.raises(NotCheckable, match=r"`git worktree` in .* says:"):
        with worktree(repository, git(repository, "rev-parse", "HEAD")):
            pass
    assert not list((repository.parent / "temporary").iterdir())


def test_a_folder_without_git(tmp_path):
    with pytest.raises(NotCheckable, match="not a git repository"):
        top_level(tmp_path)


def test_no_git_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotCheckable, match="git is not installed"):
        top_level(Path(tmp_path))
