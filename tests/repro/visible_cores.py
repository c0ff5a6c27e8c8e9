"""Processes that see another number of cores than the machine has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CORES = (1, 2, 3, 4, 8)


def build_library(folder: Path) -> Path:
    """Compile the library that shows a process other cores; skip the test where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler to show a process other cores")
    library = folder / "visible_cores.so"
    source = Path(__file__).with_suffix(".c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def showing(library: Path, cores: int) -> dict[str, str]:
    """Return the variables by which a process sees so many cores; MKL counts its own way and is told."""
    mkl = {"MKL_NUM_THREADS": str(cores), "MKL_DYNAMIC": "FALSE"}
    return {"LD_PRELOAD": str(library), "VISIBLE_CORES": str(cores), **mkl}
