"""The state of a real git repository, without its secrets and without delay."""

import json
import subprocess
import time

import pytest

from resnetbk.repro import git as module
from resnetbk.repro.files import sha256_file
from resnetbk.repro.git import git_state, head_commit, strip_credentials


@pytest.fixture
def git(tmp_path, monkeypatch):
    """A repository with one commit, and the function that runs git in it."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        identity = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    run("init", "--quiet", "--initial-branch=trunk")
    (tmp_path / "model.py").write_text("width = 1\n")
    (tmp_path / ".gitignore").write_text("ignored/\n")
    run("add", ".")
    run("commit", "--quiet", "--message=first")
    return run


def test_the_commit_alone(git, tmp_path):
    assert head_commit(tmp_path) == git("rev-parse", "HEAD").strip()
    (tmp_path / "empty").mkdir()
    git("init", "--quiet", "empty")
    assert head_commit(tmp_path / "empty") is None
    assert head_commit(tmp_path / "no such folder") is None


def test_a_clean_tree(git, tmp_path):
    state = git_state(tmp_path)
    assert state["commit"] == git("rev-parse", "HEAD").strip()
    assert state["branch"] == "trunk"
    assert state["dirty"] is False
    assert state["diff"] == ""
    assert state["untracked"] == {}
    assert state["remote"] is None
    assert state["reason"] is None


def test_a_dirty_tree_is_recorded_with_a_diff_that_applies(git, tmp_path):
    (tmp_path / "model.py").write_text("width = 2\n")
    state = git_state(tmp_path)
    assert state["dirty"] is True
    assert "-width = 1\n+width = 2\n" in state["diff"]
    git("checkout", "--quiet", "model.py")
    subprocess.run(["git", "apply"], input=state["diff"], cwd=tmp_path, check=True, text=True)
    assert (tmp_path / "model.py").read_text() == "width = 2\n"


def test_a_staged_change_is_in_the_diff(git, tmp_path):
    (tmp_path / "model.py").write_text("width = 3\n")
    git("add", ".")
    assert "+width = 3" in git_state(tmp_path)["diff"]


def test_an_untracked_file_makes_the_tree_dirty_and_is_hashed_but_not_copied(git, tmp_path):
    (tmp_path / "mixers").mkdir()
    (tmp_path / "mixers/mine.py").write_text("secret\n")
    (tmp_path / "ignored").mkdir()
    (tmp_path / "ignored/weights.bin").write_text("x")
    state = git_state(tmp_path)
    assert state["dirty"] is True
    assert state["untracked"] == {"mixers/mine.py": sha256_file(tmp_path / "mixers/mine.py")}
    assert "secret" not in json.dumps(state)


def test_many_and_large_untracked_files_cost_no_more_than_their_names(git, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "UNTRACKED_LIMIT", 2)
    monkeypatch.setattr(module, "UNTRACKED_SIZE_LIMIT", 3)
    for name, content in (("a", "1"), ("b", "too large"), ("c", "3")):
        (tmp_path / name).write_text(content)
    assert git_state(tmp_path)["untracked"] == {"a": sha256_file(tmp_path / "a"), "b": None, "[1 more]": None}


def test_a_long_diff_is_cut_and_says_so(git, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "DIFF_LIMIT", 200)
    (tmp_path / "model.py").write_text("width = 4\n" * 100)
    diff = git_state(tmp_path)["diff"]
    assert len(diff) < 300
    assert "[cut here: the diff has" in diff


def test_a_folder_below_the_root_tells_the_same(git, tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below/new.py").write_text("x")
    assert git_state(tmp_path / "below") == git_state(tmp_path)
    assert list(git_state(tmp_path)["untracked"]) == ["below/new.py"]


def test_a_detached_head_has_a_commit_and_no_branch(git, tmp_path):
    git("checkout", "--quiet", "--detach")
    state = git_state(tmp_path)
    assert state["branch"] is None
    assert state["commit"]


def test_the_variables_of_a_git_hook_do_not_lead_elsewhere(git, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert git_state(tmp_path)["reason"] is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pa55word@host.example/a/b.git", "https://host.example/a/b.git"),
        ("https://t0ken@host.example/a.git", "https://host.example/a.git"),
        ("https://user:p@55word@host.example/a.git", "https://host.example/a.git"),
        ("ssh://git:pa55word@host.example:22/a.git", "ssh://host.example:22/a.git"),
        ("https://host.example/a.git?private_token=t0ken", "https://host.example/a.git"),
        ("git@host.example:a/b.git", "git@host.example:a/b.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
    ],
)
def test_the_remote_is_recorded_without_credentials(git, tmp_path, url, expected):
    git("remote", "add", "origin", url)
    assert git_state(tmp_path)["remote"] == expected
    assert not any(secret in json.dumps(git_state(tmp_path)) for secret in ("55word", "t0ken"))


def test_origin_is_the_remote_that_counts(git, tmp_path):
    git("remote", "add", "fork", "https://fork.example/a.git")
    assert git_state(tmp_path)["remote"] == "https://fork.example/a.git"
    git("remote", "add", "origin", "https://origin.example/a.git")
    assert git_state(tmp_path)["remote"] == "https://origin.example/a.git"


def test_credentials_in_a_diff_are_removed(git, tmp_path):
    (tmp_path / "model.py").write_text('url = "https://user:pa55word@host.example/"\n')
    diff = git_state(tmp_path)["diff"]
    assert "https://host.example/" in diff
    assert "pa55word" not in diff


def test_text_without_credentials_stays_as_it_is():
    text = "see https://host.example/@scope/x, mail a@b.example; sqlite:////a b/c"
    assert strip_credentials(text) == text


def test_without_git_the_fields_are_null_and_say_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path)["reason"] == "git is not installed"


def test_a_repository_without_a_commit(tmp_path):
    subprocess.run(["git", "init", "--quiet", "--initial-branch=trunk"], cwd=tmp_path, check=True)
    state = git_state(tmp_path)
    assert (state["commit"], state["branch"], state["reason"]) == (
        None,
        "trunk",
        "the repository has no commit yet",
    )


def test_a_git_that_hangs_is_given_up(tmp_path, monkeypatch):
    hung = tmp_path / "git"
    hung.write_text("#!/bin/sh\nexec sleep 60\n")
    hung.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(module, "GIT_TIMEOUT", 0.2)
    start = time.monotonic()
    assert git_state(tmp_path)["reason"] == "git did not answer in 0.2 s"
    assert time.monotonic() - start < 10
