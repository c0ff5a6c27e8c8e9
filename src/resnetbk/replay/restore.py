"""The tree of a run: its commit, its recorded diff, its untracked code and its params.yaml, proved by hashes."""

from __future__ import annotations

import shutil
from pathlib import Path

from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.git import git
from resnetbk.replay.recorded import RecordedCell
from resnetbk.repro.files import sha256_file


def restore(tree: Path, run: RecordedCell, repository: Path) -> list[str]:
    """Make a tree at a run's commit what the run's tree was.

    **Arguments:** `tree`: the worktree; `repository`: where an untracked file may still be as it was.
    **Returns:** what is not as it was, in words; nothing of it was imported by the training.
    **Raises:** `NotCheckable` when the diff is not whole or does not apply, or a file that the training imported,
    or requirements.lock, is not what the run recorded.
    """
    if run.diff:
        try:
            git(tree, "apply", "--whitespace=nowarn", "-", text=run.diff)
        except NotCheckable as error:
            raise NotCheckable(
                f"run {run.run_id}: its recorded diff does not apply to commit {run.commit[:12]} ({error}); "
                "of binary files a diff records the names alone"
            ) from None
    lost = [
        path
        for path, digest in run.untracked.items()
        if path != "dvc.lock" and not _bring(tree, run, repository, path, digest)
    ]
    inside(tree, "params.yaml").write_text(run.text("params.yaml"), encoding="utf-8")
    _require_code(tree, run, lost)
    lock, recorded = tree / "requirements.lock", run.provenance["lock_sha256"]
    if recorded and (not lock.is_file() or sha256_file(lock) != recorded):
        raise NotCheckable(f"run {run.run_id}: requirements.lock of its tree is not the one that it recorded")
    return [f"untracked then and not to be had now: {', '.join(lost)}"] if lost else []


def unlike(tree: Path, code: dict[str, str]) -> list[str]:
    """Return the files of a tree that are missing or have not the recorded SHA-256."""
    return [
        path for path, digest in code.items() if not (tree / path).is_file() or sha256_file(tree / path) != digest
    ]


def inside(tree: Path, path: str) -> Path:
    """Return a path of a run's record in the tree.

    **Raises:** `NotCheckable` when it leads out of it.
    """
    target = tree / path
    if not target.resolve().is_relative_to(tree.resolve()):
        raise NotCheckable(f"the run records a file {path!r}, which leads out of its tree; nothing was written")
    return target


def _bring(tree: Path, run: RecordedCell, repository: Path, path: str, digest: str | None) -> bool:
    """Copy an untracked file into the tree from wherever it still has the recorded hash."""
    target = inside(tree, path)
    for source in (run.stored(path), repository / path):
        if digest and source.is_file() and sha256_file(source) == digest:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            return True
    return False


def _require_code(tree: Path, run: RecordedCell, lost: list[str]) -> None:
    wrong = unlike(tree, run.manifest["code"])
    if wrong:
        why = ""
        if gone := sorted(set(wrong) & set(lost)):
            why = f" ({', '.join(gone)}: git did not know it then, and its content is recorded nowhere)"
        raise NotCheckable(
            f"run {run.run_id}: commit {run.commit[:12]} with the recorded diff is not the code that trained; "
            f"other or missing: {', '.join(wrong[:5])}{' ...' if len(wrong) > 5 else ''}{why}"
        )
