"""The processor: its name, its vendor, its vector instructions and its cores."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import psutil

_INSTRUCTION_SETS = re.compile(r"^(sse\d?|ssse3|sse4_\d|avx.*|fma|f16c|amx.*|neon|asimd.*|sve.*)$")


def cpu_info() -> dict[str, Any]:
    """Describe the processor.

    **Returns:** `model`, `vendor` (None where the system does not tell), `instruction_sets` and `cores`:
    `physical`, `logical` and, where the system can limit a process, `available` to this one.
    """
    facts = _facts()
    cores = {"physical": psutil.cpu_count(logical=False), "logical": os.cpu_count()}
    if hasattr(os, "sched_getaffinity"):
        cores["available"] = len(os.sched_getaffinity(0))
    return {
        "model": facts.get("model name") or platform.processor() or platform.machine(),
        "vendor": facts.get("vendor_id"),
        "instruction_sets": instruction_sets(facts),
        "cores": cores,
    }


def instruction_sets(facts: dict[str, str] | None = None) -> list[str]:
    """Return the sets of vector instructions of this CPU as Linux names them, such as `avx2`; [] elsewhere."""
    facts = _facts() if facts is None else facts
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return sorted(flag for flag in flags if _INSTRUCTION_SETS.match(flag))


def _facts() -> dict[str, str]:
    """Read what Linux says of the first processor."""
    facts: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass  # not Linux: `platform` knows the model, nobody the flags
    return facts
