"""Does the CPU have the instructions on which the committed hashes rest?"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator
from pathlib import Path

from resnetbk.doctor.finding import Finding

NEEDED = ("avx2", "fma")


def examine_processor(root: Path) -> Iterator[Finding]:
    """Yield what the CPU is and can do."""
    from resnetbk.repro.cpu import cpu_info

    cpu = cpu_info()
    yield judge_instructions(cpu["model"], platform.machine(), cpu["instruction_sets"])


def judge_instructions(model: str, machine: str, sets: Collection[str]) -> Finding:
    """Judge a CPU by its `model` name, architecture (`machine`) and sets of instructions, as Linux names them."""
    missing = [name for name in NEEDED if name not in sets]
    if machine not in ("x86_64", "AMD64"):
        return Finding(
            "CPU",
            "wrong",
            f"{model} ({machine}): the committed hashes are those of x86-64 with AVX2",
            "use an x86-64 machine; or, for hashes of your own here, set run.determinism to machine",
        )
    if missing:
        return Finding(
            "CPU",
            "wrong",
            f"{model} has no {' and no '.join(missing)}",
            "use a newer CPU, or let the virtual machine pass the host's on (QEMU: -cpu host); "
            "or, for hashes of your own here, set run.determinism to machine",
        )
    return Finding("CPU", "ok", f"{model}, with AVX2")
