"""Does the CPU have the instructions on which the committed hashes rest?"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator
from pathlib import Path

from resnetbk.doctor.finding import Finding
from resnetbk.repro.levels import Level


def examine_processor(root: Path) -> Iterator[Finding]:
    """Yield what the CPU is and can do."""
    from resnetbk.repro.cpu import cpu_info

    cpu = cpu_info()
    yield judge_instructions(cpu["model"], platform.machine(), cpu["instruction_sets"], level=_level(root))


def judge_instructions(model: str, machine: str, sets: Collection[str], level: Level = "portable") -> Finding:
    """Judge a CPU by its `model` name, architecture (`machine`) and sets of instructions, as Linux names them.

    It is wrong for the level `portable` alone: the others promise nothing across machines.
    """
    from resnetbk.repro.status import PORTABLE_INSTRUCTIONS

    missing = [name for name in PORTABLE_INSTRUCTIONS if name not in sets]
    state = "wrong" if level == "portable" else "note"
    if machine not in ("x86_64", "AMD64"):
        return Finding(
            "CPU",
            state,
            f"{model} ({machine}): the committed hashes are those of x86-64 with AVX2",
            "use an x86-64 machine; or, for hashes of your own here, set run.determinism to machine",
        )
    if missing:
        return Finding(
            "CPU",
            state,
            f"{model} has no {' and no '.join(missing)}",
            "use a newer CPU, or let the virtual machine pass the host's on (QEMU: -cpu host); "
            "or, for hashes of your own here, set run.determinism to machine",
        )
    return Finding("CPU", "ok", f"{model}, with AVX2")


def _level(root: Path) -> Level:
    """Return the level of params.yaml; where that cannot be read, which is a finding of its own, the strictest."""
    from resnetbk.errors import UserError
    from resnetbk.params import load_params

    try:
        return load_params(root / "params.yaml").run.determinism
    except UserError:
        return "portable"
