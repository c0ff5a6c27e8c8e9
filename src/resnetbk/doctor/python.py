"""Is this a Python that the project runs on, and is the library that of this tree?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import resnetbk
from resnetbk.doctor.finding import Finding

OLDEST = (3, 11)  # pyproject.toml's requires-python


def examine_python(root: Path) -> Iterator[Finding]:
    """Yield the version, and where the library comes from."""
    yield judge_version(sys.version_info[:3], sys.maxsize > 2**32)
    expected = (root / "src" / "resnetbk").resolve()
    found = Path(resnetbk.__file__).resolve().parent
    if not expected.is_dir():
        yield Finding("library", "wrong", f"no src/resnetbk in {root}", "run from the repository's root")
    elif found != expected:
        yield Finding(
            "library",
            "note",
            f"the command is that of {found}; stages take {expected}",
            "make setup && source .venv/bin/activate in this tree, to have its own; unset PYTHONPATH",
        )
    else:
        yield Finding("library", "ok", f"this tree's, in {sys.prefix}")


def judge_version(version: tuple[int, int, int], wide: bool) -> Finding:
    """Judge a version of Python; `wide`: whether it has 64 bits."""
    found = f"{platform.python_implementation()} {'.'.join(map(str, version))}, {64 if wide else 32} bit"
    if version < OLDEST or not wide:
        oldest = ".".join(map(str, OLDEST))
        mend = f"install a 64-bit Python {oldest} or newer, then: make PYTHON=python{oldest} setup"
        return Finding("Python", "wrong", found, mend)
    return Finding("Python", "ok", found)
