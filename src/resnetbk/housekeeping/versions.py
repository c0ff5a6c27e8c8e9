"""Every version of the project: what git's references lead to, DVC's experiments and queue, the working tree."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from resnetbk.tracking.history import experiments, git

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
        named = git(self.root, "log", "--all", "--format=%T").split()
        for reference in STASHES:
            if git(self.root, "for-each-ref", reference):
                named += git(self.root, "log", "--walk-reflogs", "--format=%T", reference).split()
        return [self._tree(tree) for tree in dict.fromkeys(named)]

    @cached_property
    def experiments(self) -> set[str]:
        """The names of DVC's experiments."""
        return {version.experiment for version in experiments(self.root)}

    @cached_property
    def worktrees(self) -> list[Path]:
        """The folders with files that are in no commit yet: the working tree, and copies where experiments run."""
        return [self.root, *copies(self.root)]

    @cached_property
    def locks(self) -> list[str]:
        """The text of every dvc.lock and .dvc file, each content in git once."""
        blobs = {blob for tree in self.trees for path, blob in tree.items() if names_outs(path)}
        found = [self.read(blob).decode() for blob in sorted(blobs)]
        for folder in self.worktrees:
            paths = (*folder.glob("dvc.lock"), *folder.glob("*/dvc.lock"), *folder.glob("**/*.dvc"))
            found += [path.read_text(encoding="utf-8") for path in paths if path.is_file()]
        return found

    def read(self, blob: str) -> bytes:
        """Return the content of a blob."""
        return git(self.root, "cat-file", "blob", blob).encode(errors="surrogateescape")

    def sha256(self, blob: str) -> str:
        """Return the SHA-256 of a blob's content."""
        if blob not in self._hashes:
            self._hashes[blob] = hashlib.sha256(self.read(blob)).hexdigest()
        return self._hashes[blob]

    def _tree(self, tree: str) -> dict[str, str]:
        lines = git(self.root, "ls-tree", "-r", "-z", tree).split("\0")
        return {path: facts.split()[2] for facts, path in (line.split("\t", 1) for line in lines if line)}


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
