"""Resume states: which unfinished trainings some version of the project could still go on with.

A state is bound to the code, parameters and data that it was made with, and its folder holds the list of them. So
it is needed as long as one version has that code and those parameters. A state whose list is missing, or is not
the one that its name was made of, is kept.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from resnetbk.housekeeping.finding import Finding
from resnetbk.housekeeping.leftovers import size_of
from resnetbk.housekeeping.versions import Versions
from resnetbk.params import PARAMS_FILE
from resnetbk.repro.files import sha256_file, sha256_json

INPUTS = "inputs.json"  # that of resnetbk.training.resume, which imports PyTorch
NAME = re.compile(r"(train|tune)-.+-([0-9a-f]{16})")
OF_THE_RUN = ("parameter_budget", "determinism", "kernels")


def unneeded_states(root: Path, versions: Versions) -> Iterator[Finding]:
    """Yield the states that no version would find, and no process uses."""
    known = []
    for folder in sorted((root / ".resume").glob("*")):
        name = NAME.fullmatch(folder.name)
        lock = folder.with_name(f"{folder.name}.lock")
        if not name or not folder.is_dir() or (lock.exists() and _is_held(lock)):
            continue
        inputs = _inputs(folder, name[2])
        if inputs is None or _of_a_trial(root, inputs, versions):
            continue
        known = known or list(_all(versions))
        cell = inputs[0][0] if isinstance(inputs[0], list) else inputs[0]
        if not any(_has(version, cell, name[1]) for version in known):
            yield Finding("resume state", folder.name, size_of(folder), partial(shutil.rmtree, folder))


def _inputs(folder: Path, digest: str) -> list[Any] | None:
    """Return what a state was made with, None when that is not known for sure."""
    try:
        inputs = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return inputs if sha256_json(inputs)[:16] == digest else None


def _of_a_trial(root: Path, inputs: list[Any], versions: Versions) -> bool:
    """Return whether a state is that of a sweep's trial that is no experiment yet: the sweep may go on."""
    experiment = inputs[2] if len(inputs) > 2 else ""
    return experiment not in versions.experiments and (root / f".resnetbk/sweeps/{experiment}.log").exists()


def _all(versions: Versions) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Yield the parameters of each version, and a function from a path to its SHA-256 there."""
    for tree in versions.trees:
        if blob := tree.get(str(PARAMS_FILE)):
            yield (
                _params(versions.read(blob)),
                lambda path, tree=tree: tree.get(path) and versions.sha256(tree[path]),
            )
    for root in versions.worktrees:
        if (root / PARAMS_FILE).is_file():
            yield (
                _params((root / PARAMS_FILE).read_bytes()),
                lambda path, root=root: (root / path).is_file() and sha256_file(root / path),
            )


def _params(text: bytes) -> Mapping[str, Any]:
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _has(version: tuple[Mapping[str, Any], Any], cell: dict[str, Any], stage: str) -> bool:
    """Return whether a version trains a cell with the parameters and the code that it was begun with.

    Where a version says less than the cell does, as where it leaves the best learning rate to the tuning, it fits.
    """
    params, sha256 = version
    run = params.get("run", {})
    tune = params.get("tune", {})
    # Versions before `tune.seeds` had one, `tune.seed`.
    seeds = run.get("seeds", []) if stage == "train" else tune.get("seeds", [tune.get("seed")])
    wanted = [(run.get(key), cell[key]) for key in OF_THE_RUN]
    wanted += _pairs(params.get("models", {}).get(cell["model"], {}), cell["config"])
    if stage == "train":
        wanted += [pair for pair in _pairs(params.get("train", {}), cell["train"]) if pair[0] != "tuned"]
    return (
        cell["model"] in run.get("models", [])
        and cell["seed"] in seeds
        and all(_same(said, used) for said, used in wanted)
        and all(sha256(path) == digest for path, digest in cell["code"].items())
    )


def _pairs(said: Mapping[str, Any], used: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    return [(value, used.get(key)) for key, value in said.items()]


def _same(said: Any, used: Any) -> bool:
    """Compare a parameter as YAML has it with what was used; PyYAML reads 1e-6 as a word."""
    if isinstance(said, Mapping) and isinstance(used, Mapping):
        return all(_same(value, used.get(key)) for key, value in said.items())
    return said == used or (isinstance(used, float) and isinstance(said, str) and float(said) == used)


def _is_held(lock: Path) -> bool:
    """Return whether a process holds a lock file; the kernel lets go of it when the process dies."""
    try:
        with FileLock(lock, blocking=False):
            return False
    except Timeout:
        return True
