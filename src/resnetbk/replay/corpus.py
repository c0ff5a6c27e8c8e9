"""A run's data in its worktree: as it lies here when it is the same, else through DVC or prepared anew."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.recorded import RecordedCell
from resnetbk.replay.rerun import run_in
from resnetbk.repro.files import sha256_file

CORPUS = Path("data/corpus")


def bring_corpus(tree: Path, run: RecordedCell, repository: Path) -> str:
    """Put the packed corpus of a run into its tree and compare it with the hashes that the run recorded.

    **Arguments:** `tree`: the restored worktree; `repository`: whose data/corpus, DVC cache and downloads serve.
    **Returns:** where the data came from, in words.
    **Raises:** `NotCheckable` when it cannot be made, or is not the run's.
    """
    card = run.text("card.json")
    if _is_that(repository / CORPUS, card):
        shutil.copytree(repository / CORPUS, tree / CORPUS, dirs_exist_ok=True)
        return f"the {CORPUS} of this tree"
    _share(tree, run, repository)
    run_in(tree, [sys.executable, "-m", "dvc", "repro", "-s", "prepare"], "prepare")
    if not _is_that(tree / CORPUS, card):
        raise NotCheckable(
            f"run {run.run_id}: the data that its code and params make here are not what it trained on: "
            f"{_first_fault(tree / CORPUS, run)}"
        )
    return "its stage prepare"


def _is_that(corpus: Path, card: str) -> bool:
    """Return whether a corpus has this very card, and the files whose hashes stand in it."""
    try:
        if (corpus / "card.json").read_text(encoding="utf-8") != card:
            return False
        return all(sha256_file(corpus / name) == digest for name, digest in _hashes(json.loads(card)).items())
    except FileNotFoundError:
        return False


def _hashes(card: dict[str, Any]) -> dict[str, str]:
    """Return file to SHA-256; earlier cards do not have that of the documents."""
    hashes = {"tokenizer.json": card["tokenizer"]["sha256"]}
    for name, split in card["splits"].items():
        hashes[f"{name}.tokens"] = split["tokens_sha256"]
        if "documents_sha256" in split:
            hashes[f"{name}.documents.npy"] = split["documents_sha256"]
    return hashes


def _first_fault(corpus: Path, run: RecordedCell) -> str:
    from resnetbk.replay.differences import json_differences

    found = json.loads((corpus / "card.json").read_text(encoding="utf-8"))
    return str(next(json_differences("card.json", run.card, found), "a file is not what its card says"))


def _share(tree: Path, run: RecordedCell, repository: Path) -> None:
    """Lend the tree what is named by its content: DVC's cache, downloads, and a corpus file of the user's own."""
    dvc = [sys.executable, "-m", "dvc"]
    cache = subprocess.run([*dvc, "cache", "dir"], cwd=repository, capture_output=True, text=True, check=False)
    if cache.returncode == 0:
        folder = repository / cache.stdout.strip()
        subprocess.run([*dvc, "cache", "dir", "--local", str(folder)], cwd=tree, capture_output=True, check=True)
    downloads = repository / ".cache/resnetbk"
    if downloads.is_dir():
        (tree / ".cache").mkdir(exist_ok=True)
        (tree / ".cache/resnetbk").symlink_to(downloads)
    corpus = yaml.safe_load(run.text("params.yaml"))["prepare"]["corpus"]
    if isinstance(corpus, dict) and corpus.get("kind") == "file":
        own, target = repository / corpus["path"], tree / corpus["path"]
        if own.is_file() and not target.exists() and sha256_file(own) == corpus["sha256"]:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(own)
