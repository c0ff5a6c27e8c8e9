"""Is git there, is this a repository with a commit, and can commits be made in it?"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from resnetbk.doctor.finding import Finding

STALE = 60  # seconds; git holds its index for moments
TIMEOUT = 20  # seconds


def examine_git(root: Path) -> Iterator[Finding]:
    """Yield the program, the repository, who commits, and a lock that a kill has left."""
    if shutil.which("git") is None:
        yield Finding(
            "git", "wrong", "not installed", "install git (Debian: apt install git; macOS: xcode-select --install)"
        )
        return
    yield Finding("git", "ok", _git(root, "--version").stdout.strip().removeprefix("git version "))
    yield _repository(root)
    who = _git(root, "var", "GIT_COMMITTER_IDENT")
    if who.returncode:
        mend = "git config --global user.name 'Your Name'; git config --global user.email you@example.org"
        yield Finding("committer", "wrong", "git does not know your name; `dvc exp` commits", mend)
    else:
        yield Finding("committer", "ok", who.stdout.split("<")[0].strip())
    lock = root / ".git" / "index.lock"
    if lock.is_file() and time.time() - lock.stat().st_mtime > STALE:
        yield Finding("git's lock", "wrong", f"{lock} was left behind", f"see that no git runs, then: rm {lock}")


def _repository(root: Path) -> Finding:
    top = _git(root, "rev-parse", "--show-toplevel")
    if top.returncode:
        from resnetbk.repro.git import strip_credentials

        reason = strip_credentials(top.stderr.strip().splitlines()[0])
        mend = (
            f"git config --global --add safe.directory {root}"
            if "dubious ownership" in reason
            else "clone the project with git, or: git init && git add -A && git commit -m Start"
        )
        return Finding("repository", "wrong", reason, mend)
    if Path(top.stdout.strip()).resolve() != root.resolve():
        return Finding(
            "repository", "wrong", f"its root is {top.stdout.strip()}", "run from the repository's root"
        )
    commit = _git(root, "rev-parse", "--short", "--verify", "HEAD")
    if commit.returncode:
        return Finding("repository", "wrong", "there is no commit yet", "git add -A && git commit -m Start")
    return Finding("repository", "ok", f"at commit {commit.stdout.strip()}")


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
