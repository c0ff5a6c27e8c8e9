"""The state of a git work tree without its secrets: URLs lose credentials, untracked files are hashed."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from resnetbk.repro.files import sha256_file

DIFF_LIMIT = 1_000_000  # characters
UNTRACKED_LIMIT = 100  # files
UNTRACKED_SIZE_LIMIT = 1_000_000  # bytes; a larger file is named without its hash
GIT_TIMEOUT = 10  # seconds; a repository on a dead network disk must not hold a result up


def git_state(root: str | Path = ".") -> dict[str, Any]:
    """Describe the commit that a work tree stands on and how the tree differs from it.

    **Arguments:** `root`: the repository's root, or any folder in it.
    **Returns:** `commit`, `branch`, `remote` (without credentials), `dirty` (anything modified, staged or
    untracked), `diff` (text of `git diff HEAD`, cut at `DIFF_LIMIT` characters with a note) and `untracked`
    (path to SHA-256). Where git cannot tell, a field is None and `reason` says why; else `reason` is None.
    """
    fields = ("commit", "branch", "remote", "dirty", "diff", "untracked", "reason")
    state: dict[str, Any] = dict.fromkeys(fields)
    try:
        top = Path(_git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
        lines = _git(top, "status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z").split("\0")
        facts = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
        entries = [line for line in lines if line and not line.startswith("# ")]
        if facts["branch.head"] != "(detached)":
            state["branch"] = facts["branch.head"]
        state["dirty"] = bool(entries)
        state["untracked"] = _untracked(top, [line[2:] for line in entries if line.startswith("? ")])
        state["remote"] = _remote(top)
        if facts["branch.oid"] == "(initial)":
            state["reason"] = "the repository has no commit yet"
            return state
        state["commit"] = facts["branch.oid"]
        diff = _git(top, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color")
        if len(diff) > DIFF_LIMIT:
            diff = f"{diff[:DIFF_LIMIT]}\n[cut here: the diff has {len(diff)} characters]\n"
        state["diff"] = strip_credentials(diff)
    except FileNotFoundError:
        state["reason"] = "git is not installed" if Path(root).is_dir() else f"{root} is not a folder"
    except subprocess.CalledProcessError as error:
        state["reason"] = strip_credentials(error.stderr.decode(errors="replace").strip())
    except subprocess.TimeoutExpired:
        state["reason"] = f"git did not answer in {GIT_TIMEOUT} s"
    return state


def head_commit(root: str | Path = ".") -> str | None:
    """Return the commit that a work tree stands on, None where git cannot tell."""
    try:
        return _git(root, "rev-parse", "--verify", "HEAD").strip()
    except (OSError, subprocess.SubprocessError):
        return None


def strip_credentials(text: str) -> str:
    """Remove `user:password@` and `token@` from every URL in a text."""
    return re.sub(r"(?<=://)[^\s/\"'<>]*@", "", text)


def _git(root: str | Path, *arguments: str) -> str:
    """Run git in `root`, deaf to the variables by which a hook points it at another repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=GIT_TIMEOUT,
        check=True,
    )
    return done.stdout.decode(errors="replace")


def _remote(top: Path) -> str | None:
    """Return the URL of `origin`, else of the first remote, without credentials, query or fragment."""
    lines = [line.split("\t", 1) for line in _git(top, "remote", "--verbose").splitlines()]
    urls = {name: url.rsplit(" (", 1)[0] for name, url in reversed(lines)}
    if not urls:
        return None
    url = urls.get("origin", urls[lines[0][0]])
    return re.split(r"[?#]", strip_credentials(url))[0]


def _untracked(top: Path, names: list[str]) -> dict[str, str | None]:
    """Hash the untracked files that are small; name the rest without a hash."""
    hashes: dict[str, str | None] = {}
    for name in sorted(names)[:UNTRACKED_LIMIT]:
        try:
            small = (top / name).stat().st_size <= UNTRACKED_SIZE_LIMIT
            hashes[name] = sha256_file(top / name) if small else None
        except OSError:
            hashes[name] = None  # gone since git listed it, or not ours to read
    if len(names) > UNTRACKED_LIMIT:
        hashes[f"[{len(names) - UNTRACKED_LIMIT} more]"] = None
    return hashes
