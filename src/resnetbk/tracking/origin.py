"""Where a run comes from, as MLflow shows it: tags for what fits in a line, small text files for the rest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from resnetbk.repro.files import sha256_file
from resnetbk.tracking.run import as_text

DIFF, UNTRACKED = "provenance/git.diff", "provenance/untracked"  # artifacts
OWN_FILES = re.compile(r"(src|stages)/.*\.py$|plan\.lock\.json$")  # no data, and no place for a secret


def origin_tags(provenance: dict[str, Any]) -> dict[str, str]:
    """Return what a run was made with as tags, for what a person searches by; unknown facts left out.

    MLflow's pages hide tags named mlflow.*, so commit, branch and dirty flag stand under a second name.
    """
    git = provenance["git"]
    tags = {
        "mlflow.source.git.commit": git["commit"],
        "mlflow.source.git.branch": git["branch"],
        "mlflow.source.git.repoURL": git["remote"],
        "mlflow.source.git.dirty": git["dirty"],
        "git_commit": git["commit"],
        "git_branch": git["branch"],
        "git_dirty": git["dirty"],
        "git_unknown": git["reason"],
        **_host_tags(provenance),
    }
    return {name: as_text(value) for name, value in tags.items() if value is not None}


def _host_tags(provenance: dict[str, Any]) -> dict[str, Any]:
    if "cpu" not in provenance:  # of an older commit, git alone can tell
        return {}
    cpu = provenance["cpu"]
    return {
        "python": provenance["python"]["version"],
        "platform": provenance["platform"],
        "cpu": cpu["model"],
        "cpu_instruction_sets": " ".join(cpu["instruction_sets"]),
        "cpu_cores": cpu["cores"],
        "memory_bytes": provenance["memory_bytes"],
        "lock_sha256": provenance["lock_sha256"],
        "portable_operators": provenance["portable_operators"],
        "torch": (provenance["torch"] or {}).get("version"),
    }


def origin_files(provenance: dict[str, Any]) -> dict[str, str]:
    """Return path to text: every fact, the packages, and how the tree differed from its commit."""
    git = provenance["git"]
    files = {"provenance/environment.json": pretty(provenance)}
    if "packages" in provenance:
        packages = provenance["packages"].items()
        files["provenance/packages.txt"] = "".join(f"{name}=={version}\n" for name, version in packages)
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


def pretty(value: Any) -> str:
    """Return JSON for a person to read."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
