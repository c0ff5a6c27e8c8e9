"""Every version of the project: what git's references lead to, DVC's experiments and queue, the working tree."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from resnetbk.errors import UserError

# DVC keeps what is queued, and what failed, in the logs of these references and not in the references themselves.
STASHES = ("refs/stash", "refs/exps/stash", "refs/exps/celery/stash", "refs/exps/celery/failed")
COPIES = ".dvc/tmp/exps"  # where DVC runs experiments, each in a copy of the repository


@dataclass(frozen=True)
class Versions:
    """The versions of the project whose repository is at `root`, which need not be the current folder."""

    root: Path
    _hashes: dict[str, str] = field(default_factory=dict)

    @cached_property
    def trees(self) -> list[dict[str, str]]:
        """The files of each version in git: path to blob id; versions with the same files stand once."""
        named = self._git("log", "--all", "--format=%T").split()
        for reference in STASHES:
            if self._git("for-each-ref", reference):
                named += self._git("log", "--walk-reflogs", "--format=%T", reference).split()
        return [self._tree(tree) for tree in dict.fromkeys(named)]

    @cached_property
    def experiments(self) -> set[str]:
        """The names of DVC's experiments: refs/exps/<2 digits>/<38 digits of the baseline>/<name>."""
        found = (name.split("/") for name in self._git("for-each-ref", "--format=%(refname)", "refs/exps").split())
        return {parts[4] for parts in found if len(parts) == 5}

    @cached_property
    def worktrees(self) -> list[Path]:
        """The folders with files that are in no commit yet: the working tree, and copies where experiments run."""
        return [self.root, *copies(self.root)]

    def locks(self) -> Iterator[str]:
        """Yield the text of every dvc.lock and .dvc file, each content once."""
        blobs = {blob for tree in self.trees for path, blob in tree.items() if names_outs(path)}
        yield from (self.read(blob).decode() for blob in sorted(blobs))
        for folder in self.worktrees:
            for path in (*folder.glob("dvc.lock"), *folder.glob("*/dvc.lock"), *folder.glob("**/*.dvc")):
                if path.is_file():
                    yield path.read_text(encoding="utf-8")

    def read(self, blob: str) -> bytes:
        """Return the content of a blob."""
        return self._run("cat-file", "blob", blob)

    def sha256(self, blob: str) -> str:
        """Return the SHA-256 of a blob's content."""
        if blob not in self._hashes:
            self._hashes[blob] = hashlib.sha256(self.read(blob)).hexdigest()
        return self._hashes[blob]

    def _tree(self, tree: str) -> dict[str, str]:
        lines = self._git("ls-tree", "-r", "-z", tree).split("\0")
        return {path: facts.split()[2] for facts, path in (line.split("\t", 1) for line in lines if line)}

    def _git(self, *arguments: str) -> str:
        return self._run(*arguments).decode()

    def _run(self, *arguments: str) -> bytes:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(["git", *arguments], cwd=self.root, env=environment, capture_output=True)
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split())
            raise UserError(f"git {arguments[0]} in {self.root} says: {said}; nothing was removed")
        return done.stdout


def copies(root: Path) -> list[Path]:
    """Return the copies of a repository in which experiments run, or ran until they were killed."""
    folder = root / COPIES
    return sorted(path for path in (*folder.glob("tmp*"), *folder.glob("standalone/tmp*")) if path.is_dir())


def names_outs(path: str) -> bool:
    """Return whether a file is one in which DVC writes the hashes of outs."""
    return path.rsplit("/", 1)[-1] == "dvc.lock" or path.endswith(".dvc")


def hashed_paths(lock: str) -> Iterator[tuple[str, str]]:
    """Yield path and MD5 of each dependency and out in the text of a dvc.lock."""
    yield from re.findall(r"- path: (\S+)\n(?:\s+\w+: .*\n)*?\s+md5: ([0-9a-f]{32}(?:\.dir)?)\n", lock)
