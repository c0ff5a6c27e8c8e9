"""Comparisons of several sizes brought together from the commits that hold them: no run of its own has two."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.scm import RevError, resolve_rev

from resnetbk.errors import UserError
from resnetbk.report.reading import parse_file
from resnetbk.report.shapes.comparison import Comparison

COMPARISON_FILE = "metrics/comparison.json"


def collect_scaling(revisions: Iterable[str], *, root: Path = Path()) -> dict[str, Any]:
    """Read the comparison of each commit and keep the sizes and losses of its models.

    **Arguments:** `revisions`: commits, or names of DVC experiments; `root`: a folder of the repository.
    **Returns:** the content of metrics/scaling.json, its runs from the smallest to the largest.
    **Raises:** `UserError` for a revision without a comparison, for two of one size, and for text that differs.
    """
    runs = [_run(revision, root) for revision in revisions]
    runs.sort(key=lambda run: [model["parameters"] for model in run["models"].values()])
    for first, second in pairwise(runs):
        if first["documents"] != second["documents"]:
            raise UserError(
                f"{first['commit'][:12]} and {second['commit'][:12]} were scored on {first['documents']} and "
                f"{second['documents']} documents: losses on different text make no curve. Give runs of one corpus"
            )
        for name in first["models"].keys() & second["models"].keys():
            if first["models"][name]["parameters"] == second["models"][name]["parameters"]:
                raise UserError(
                    f"{first['commit'][:12]} and {second['commit'][:12]} have {name} in one size. Give one of them"
                )
    return {"runs": runs}


def _run(revision: str, root: Path) -> dict[str, Any]:
    try:
        with Repo(str(root)) as repo:
            commit = resolve_rev(repo.scm, revision)
    except RevError:
        raise UserError(f"{revision}: no commit and no experiment here; see `dvc exp list`") from None
    shown = subprocess.run(["git", "-C", root, "show", f"{commit}:{COMPARISON_FILE}"], capture_output=True)
    if shown.returncode:
        raise UserError(f"{revision}: has no {COMPARISON_FILE}; give a commit whose pipeline has run")
    content = shown.stdout
    comparison = parse_file(content.decode(), f"{revision}:{COMPARISON_FILE}", Comparison, "dvc repro -f compare")
    return {
        "commit": commit,
        "sha256": sha256(content).hexdigest(),
        "documents": comparison.documents,
        "models": {
            name: {
                "parameters": score.ledger[0].parameters_non_embedding,
                "loss": score.loss,
                "loss_by_seed": score.loss_by_seed,
            }
            for name, score in comparison.models.items()
        },
    }
