"""When bits differ: why they may, from what two results were made with, and how far the results are apart.

`why_bits_differ` compares what `get_environment_info` recorded beside a result with what it finds here. It can
name only what was recorded, in a process in which the level was in force: `environment_at`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from resnetbk.repro.distance import Distances, distance
from resnetbk.repro.levels import PORTABLE_ENVIRONMENT, Level
from resnetbk.repro.number_files import read_numbers

PACKAGES = ("torch", "numpy", "numba", "llvmlite", "scipy", "transformers", "tokenizers", "safetensors")
_X86 = ("x86_64", "amd64")
_IN_FORCE = """
import json, sys
from resnetbk.repro.levels import enforce, pin_environment
from resnetbk.repro.provenance import get_environment_info
pin_environment(sys.argv[1])
import torch
enforce(sys.argv[1])
print(json.dumps(get_environment_info(sys.argv[2])))
"""


def distance_between(first: str | Path, second: str | Path) -> Distances:
    """Measure how far two files of numbers are apart, tensor by tensor or number by number.

    **Arguments:** `first`, `second`: two .json, two .jsonl, two .npy or .npz, or two checkpoints (safetensors or
    `torch.save`; told from their content). Nothing in them is run.
    **Returns:** of each part the largest absolute and relative difference and that in units in the last place, and
    the first part that differs.
    **Raises:** `FileNotFoundError`; `ValueError` when a file is damaged, or the two are of different kinds.
    """
    first, second = Path(first), Path(second)
    if first.suffix != second.suffix:
        raise ValueError(f"{first} and {second} are files of different kinds; expected two of one kind")
    one, other = read_numbers(first), read_numbers(second)
    names = [*one, *(name for name in other if name not in one)]
    return Distances({name: distance(one.get(name), other.get(name)) for name in names})


def environment_at(level: Level, root: str | Path = ".") -> dict[str, Any]:
    """Return `get_environment_info` of a process of its own in which a level is in force, torch loaded.

    **Arguments:** `root`: the repository's root.
    **Raises:** `ValueError` for another level; `RuntimeError` with the process's words when it fails.
    """
    if level not in get_args(Level):
        raise ValueError(f"level is one of {', '.join(get_args(Level))}; found {level!r}")
    command = [sys.executable, "-c", _IN_FORCE, level, str(root)]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        raise RuntimeError(f"describing this machine at level {level!r} failed:\n{child.stderr[-2000:]}")
    return json.loads(child.stdout)


def why_bits_differ(recorded_environment: Mapping[str, Any], this_environment: Mapping[str, Any]) -> list[str]:
    """Say why a result made here may differ from a recorded one, the most decisive reason first.

    **Arguments:** two dicts of `get_environment_info` or parts of them, best of `environment_at`; what either
    lacks is not compared.
    **Returns:** one sentence a reason. Empty when nothing of what is recorded differs: then the code does, or
    there is a defect.
    """
    recorded, here = recorded_environment, this_environment
    return [
        *_architecture(recorded, here),
        *_settings(recorded, here),
        *_versions(recorded, here),
        *_cpu(recorded, here),
    ]


def _architecture(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    before, now = _machine(recorded), _machine(here)
    if before and now and before != now:
        yield f"it was made on {before}, and this machine is {now}"
    if now and now not in _X86:
        yield (
            f"this CPU is {now}: portable fixes the AVX2 path of x86-64, which it does not have; sums and "
            "products are rounded in another order, so that the last bits differ"
        )
    elif sets := _instruction_sets(here):
        yield from (
            f"this CPU has no {name.upper()}, which portable fixes: its bits cannot be had here"
            for name in ("avx2", "fma")
            if name not in sets
        )


def _settings(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for side, environment in (("when it was made", recorded), ("here", here)):
        level = environment.get("determinism")
        if environment.get("torch") and level not in (None, "portable"):
            yield (
                f"the level of determinism in force {side} is {level}: without portable the bits follow the CPU's "
                "instruction sets, its vendor and the number of threads"
            )
    before, now = recorded.get("environment") or {}, here.get("environment") or {}
    for name in sorted(before.keys() & now.keys()):
        if before[name] != now[name]:
            decides = " (portable needs it)" if name in PORTABLE_ENVIRONMENT else ""
            yield f"{name}{decides} was {_shown(before[name])}, and is {_shown(now[name])} here"
    before, now = recorded.get("torch") or {}, here.get("torch") or {}
    for name in sorted((before.keys() & now.keys()) - {"version"}):
        if before[name] != now[name]:
            yield f"torch's {name.replace('_', ' ')} was {_shown(before[name])}, and is {_shown(now[name])} here"


def _versions(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    before, now = recorded.get("packages"), here.get("packages")
    if before is None or now is None:
        before = now = {}
    differing = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
    for name in [name for name in PACKAGES if name in differing]:
        yield f"{name} was {before.get(name, 'absent')}, and is {now.get(name, 'absent')} here"
    others = [name for name in differing if name not in PACKAGES]
    if others:
        yield f"other packages differ, which rarely decide bits: {', '.join(others)}"
    python = [(environment.get("python") or {}).get("version") for environment in (recorded, here)]
    if all(python) and python[0] != python[1]:
        yield f"Python was {python[0]}, and is {python[1]} here"


def _cpu(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    before, now = [(environment.get("cpu") or {}).get("model") for environment in (recorded, here)]
    if before and now and before != now:
        yield f"the CPU was {before}, and is {now} here: of no matter where portable is in force on both"


def _machine(environment: Mapping[str, Any]) -> str | None:
    """Return the architecture, which is a part of what `platform.platform()` says."""
    if environment.get("machine"):
        return environment["machine"].lower()
    parts = str(environment.get("platform", "")).lower().split("-")
    return next(
        (part for part in parts if part in (*_X86, "aarch64", "arm64", "ppc64le", "riscv64", "s390x")), None
    )


def _instruction_sets(environment: Mapping[str, Any]) -> list[str]:
    return (environment.get("cpu") or {}).get("instruction_sets") or []


def _shown(value: Any) -> str:
    return "unset" if value is None else str(value)
