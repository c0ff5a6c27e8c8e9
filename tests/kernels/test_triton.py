"""The Triton kernels without a GPU: their numbers in Triton's interpreter, and their machine code for CUDA.

Triton reads TRITON_INTERPRET when it is imported and has one driver a process, so that each file of checks runs in
a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnetbk.kernels.selection import use

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="Triton is for Linux")
@pytest.mark.parametrize(("checks", "interpret"), [("triton_interpreted.py", "1"), ("triton_compiled.py", "0")])
def test_in_a_process_of_its_own(checks, interpret, tmp_path):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TRITON_", "RESNETBK_"))}
    environment = {**inherited, "TRITON_INTERPRET": interpret, "TRITON_CACHE_DIR": str(tmp_path)}
    pytest_here = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    child = subprocess.run(
        [*pytest_here, f"tests/kernels/{checks}"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert child.returncode == 0, child.stdout[-20_000:] + child.stderr[-2_000:]


def test_on_the_cpu_there_is_one_clear_error(kernel, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with use("triton"), pytest.raises(ValueError, match=r"run on CUDA.* on the CPU: .*TRITON_INTERPRET=1"):
        kernel.function(*kernel.inputs(1, 2, 3).values())
