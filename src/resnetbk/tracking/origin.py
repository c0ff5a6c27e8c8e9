"""Where a run comes from, as MLflow shows it: tags for what fits in a line, small text files for the rest."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from resnetbk.repro.files import sha256_file
from resnetbk.tracking.run import as_text

DIFF, UNTRACKED = "provenance/git.diff", "provenance/untracked"  # artifacts
OWN_FILES = re.compile(r"(src|stages)/.*\.py$|plan\.lock\.json$")  # no data, and no place for a secret


def origin_tags(provenance: dict[str, Any]) -> dict[str, str]:
    """Return what a run was made with as tags, unknown facts left out.

    MLflow's pages hide tags named mlflow.*, so commit, branch and dirty flag stand under a second name.
    """
    git, cpu, torch = provenance["git"], provenance["cpu"], provenance["torch"] or {}
    tags = {
        "mlflow.source.git.commit": git["commit"],
        "mlflow.source.git.branch": git["branch"],
        "mlflow.source.git.repoURL": git["remote"],
        "mlflow.source.git.dirty": git["dirty"],
        "git_commit": git["commit"],
        "git_branch": git["branch"],
        "git_dirty": git["dirty"],
        "git_unknown": git["reason"],
        "python": provenance["python"]["version"],
        "platform": provenance["platform"],
        "cpu": cpu["model"],
        "cpu_instruction_sets": " ".join(cpu["instruction_sets"]),
        "cpu_cores": cpu["cores"],
        "memory_bytes": provenance["memory_bytes"],
        "lock_sha256": provenance["lock_sha256"],
        "portable_operators": provenance["portable_operators"],
        **{f"torch.{name}": value for name, value in torch.items()},
        **{f"environment.{name}": value for name, value in provenance["environment"].items()},
    }
    return {name: as_text(value) for name, value in tags.items() if value is not None}


def origin_files(provenance: dict[str, Any]) -> dict[str, str]:
    """Return path to text: every fact, the packages, and how the tree differed from its commit."""
    git = provenance["git"]
    files = {
        "provenance/environment.json": pretty(provenance),
        "provenance/packages.txt": "".join(
            f"{name}=={version}\n" for name, version in provenance["packages"].items()
        ),
    }
    if git["diff"]:
        files[DIFF] = git["diff"]
    if git["untracked"]:
        files[f"{UNTRACKED}.json"] = pretty(git["untracked"])
    return files


def untracked_code(provenance: dict[str, Any], root: Path) -> dict[str, Path]:
    """Return, by artifact, the untracked files of the project's own code and plan that are still as was recorded.

    The diff does not hold them, and a replay needs them. Other untracked files are the user's own: of them MLflow
    gets names and hashes alone.
    """
    return {
        f"{UNTRACKED}/{name}": root / name
        for name, digest in (provenance["git"]["untracked"] or {}).items()
        if digest and OWN_FILES.match(name)
        if (root / name).is_file() and sha256_file(root / name) == digest
    }


def experiment_tags(experiment: str) -> dict[str, str]:
    """Return the name of the DVC experiment and the commit it started from; nothing outside of an experiment."""
    if not experiment:
        return {}
    return {"dvc_exp_name": experiment, "dvc_exp_baseline_rev": os.environ.get("DVC_EXP_BASELINE_REV", "unknown")}


def pretty(value: Any) -> str:
    """Return JSON for a person to read."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
