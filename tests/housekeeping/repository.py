"""A git repository with a dvc.lock and a cache, and nothing that takes time."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path


class Repository:
    """A folder whose commits name objects of the cache beside them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Test")
        self.git("config", "user.email", "test@example.com")
        (path / ".gitignore").write_text(".dvc\n.resume\n.resnetbk\n.*.partial\n")

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.path, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str = "A commit") -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def cached(self, content: bytes, suffix: str = "") -> str:
        """Put an object into the cache and return its MD5."""
        md5 = hashlib.md5(content).hexdigest() + suffix
        path = self.object(md5)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return md5

    def cached_folder(self, files: dict[str, bytes]) -> str:
        """Put a folder and its files into the cache and return its MD5."""
        entries = [{"md5": self.cached(content), "relpath": name} for name, content in files.items()]
        return self.cached(json.dumps(entries).encode(), ".dir")

    def object(self, md5: str) -> Path:
        return self.path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]

    def lock(self, outs: dict[str, str], folder: str = ".") -> None:
        """Write a dvc.lock that names outs: path to MD5."""
        listed = "".join(
            f"    - path: {path}\n      hash: md5\n      md5: {md5}\n      size: 3\n" for path, md5 in outs.items()
        )
        path = self.path / folder / "dvc.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"schema: '2.0'\nstages:\n  a@b:\n    cmd: true\n    outs:\n{listed}")
