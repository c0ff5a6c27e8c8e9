"""report what a result made here would be recorded with: code, host, packages, settings"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from resnetbk.commands.columns import columns

EXAMPLE = "resnetbk env --json"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything, for programs")


def run(options: argparse.Namespace) -> None:
    import torch  # noqa: F401 - what is not loaded is not described

    from resnetbk.repro.provenance import get_environment_info

    info = get_environment_info()
    print(json.dumps(info, indent=2) if options.json else describe(info))


def describe(info: dict[str, Any]) -> str:
    """Return what `get_environment_info` found, for people: a line for each fact, the packages counted."""
    git, cpu, torch, blas = info["git"], info["cpu"], info["torch"], info["blas"]
    cores = cpu["cores"]
    container = info["container"]
    set_variables = {name: value for name, value in info["environment"].items() if value is not None}
    rows = {
        "commit": git["commit"] or f"unknown: {git['reason']}",
        "branch": git["branch"] or "none",
        "remote": git["remote"] or "none",
        "changed": _changes(git),
        "python": f"{info['python']['implementation']} {info['python']['version']}",
        "platform": info["platform"],
        "container": f"{container['runtime']} {container['id'] or 'of unknown id'}" if container else "none",
        "cpu": f"{cpu['model']}, {cores['physical']} cores, {cores.get('available', cores['logical'])} usable",
        "instruction sets": " ".join(cpu["instruction_sets"]) or "unknown",
        "memory": f"{info['memory_bytes'] / 2**30:.1f} GiB",
        "gpu": ", ".join(device["name"] for device in info["gpu"]["devices"]) or f"none ({info['gpu']['reason']})",
        "torch": f"{torch['version']}, CUDA {torch['cuda'] or 'none'}, cuDNN {torch['cudnn'] or 'none'}, "
        f"{torch['threads']} threads",
        "torch's BLAS": f"{blas['torch']['name']} {blas['torch']['version'] or ''}".strip(),
        **{
            pool["library"]: " ".join(
                str(fact) for fact in (pool["kind"], pool["version"], pool["architecture"]) if fact
            )
            + f", {pool['threads']} threads"
            for pool in blas["loaded"]
        },
        "determinism": f"{info['determinism']} (`resnetbk determinism` says why)",
        "variables": " ".join(f"{name}={value}" for name, value in set_variables.items()) or "none set",
        "packages": str(len(info["packages"])),
        "lock": info["lock_sha256"] or "no requirements.lock here",
    }
    return "\n".join(columns(rows))


def _changes(git: dict[str, Any]) -> str:
    if git["dirty"] is None:
        return "unknown"
    if not git["dirty"]:
        return "nothing"
    lines = [line for line in (git["diff"] or "").splitlines() if re.match(r"[+-](?![+-]{2} )", line)]
    return f"{len(lines)} lines, {len(git['untracked'] or {})} untracked files"
