"""A commit in a git worktree of its own, which is gone when its work is done, however that ends.

SIGKILL alone leaves it behind: a folder resnetbk-replay-* among the temporary files, and an entry that
`git worktree prune` removes.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.git import git


@contextmanager
def worktree(repository: Path, commit: str, *, keep: bool = False) -> Iterator[Path]:
    """Check a commit out beside everything else, and remove it again unless it is to be kept.

    **Arguments:** `repository`: the root of the repository; `commit`: a full hash; `keep`: leave the tree.
    **Yields:** the tree's root, among the temporary files. Its own .git and .dvc make it a repository of its own
    for `resnetbk.repro.repository.main_root`: resume states, spool and database of `repository` stay untouched.
    **Raises:** `NotCheckable` when the repository does not have the commit, or git cannot write.
    """
    try:
        git(repository, "cat-file", "-e", f"{commit}^{{commit}}")
    except NotCheckable as error:
        raise NotCheckable(
            f"commit {commit} is not in {repository}; `git fetch` it from where the run was made ({error})"
        ) from None
    folder = Path(tempfile.mkdtemp(prefix="resnetbk-replay-")).resolve()
    tree = folder / commit[:12]
    try:
        with _terminated_as_an_exception():
            git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
            yield tree
    finally:
        if keep and tree.is_dir():
            print(f"The tree is kept: {tree}\n`git worktree remove --force {tree}` removes it.", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            git(repository, "worktree", "prune")


@contextmanager
def _terminated_as_an_exception() -> Iterator[None]:
    """Let SIGTERM unwind the stack, as Ctrl-C does, so that what was made is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
