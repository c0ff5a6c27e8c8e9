"""`portable` gives the same bits whatever the cores, the instruction set and the vendor of the CPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.repro.visible_cores import CORES, build_library, showing

PROBE = """
import hashlib, sys
from resnetbk.repro.levels import enforce, pin_environment
level = sys.argv[1]
pin_environment(level)
import torch
enforce(level)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(96, 200), torch.nn.SiLU(), torch.nn.Linear(200, 96))
optimiser = torch.optim.AdamW(model.parameters(), fused=True)
x = torch.randn(300, 96)
for _ in range(3):
    optimiser.zero_grad()
    y = model(x)
    loss = (y.softmax(-1) * y.abs().sqrt()).sum() + torch.nn.functional.softplus(y).exp().log().mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
bits = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
print(hashlib.sha256(bits).hexdigest())
"""


def probe(level: str, *, emulate: str | None = None, **variables: str) -> str:
    """Return the hash of three training steps of a small network, made in a process of its own."""
    prefix = ["qemu-x86_64", "-cpu", emulate] if emulate else []
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = subprocess.run(
        [*prefix, sys.executable, "-W", "ignore", "-c", PROBE, level],
        env=environment | variables,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture(scope="module")
def expected() -> str:
    return probe("portable")


@pytest.fixture(scope="module")
def other_cores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("cores"))


@pytest.mark.parametrize("cores", CORES)
def test_portable_bits_do_not_follow_the_cores(expected: str, other_cores: Path, cores: int):
    assert probe("portable", **showing(other_cores, cores)) == expected


def test_a_process_sees_the_cores_that_it_is_shown(other_cores: Path):
    count = "import os, torch; print(os.cpu_count(), len(os.sched_getaffinity(0)), torch.get_num_threads())"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment |= showing(other_cores, 8)
    seen = subprocess.run([sys.executable, "-c", count], env=environment, capture_output=True, text=True).stdout
    assert seen.split() == ["8", "8", "8"]


def test_portable_bits_do_not_follow_the_variables_of_the_host(expected: str):
    assert probe(
        "portable", ATEN_CPU_CAPABILITY="default", MKL_CBWR="COMPATIBLE", OPENBLAS_CORETYPE="Nehalem"
    ) == (expected)


def test_without_the_level_they_do(expected: str):
    scalar = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "1"}
    assert probe("fast", **scalar) != expected


@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-user to emulate other CPUs")
@pytest.mark.parametrize("cpu", [pytest.param("Haswell", marks=pytest.mark.nightly), "EPYC"])
def test_portable_bits_on_an_emulated_cpu(expected: str, cpu: str):
    assert probe("portable", emulate=cpu) == expected


def test_a_level_that_comes_too_late_is_refused():
    late = "import numpy; from resnetbk.repro.levels import pin_environment; pin_environment('portable')"
    environment = {name: value for name, value in os.environ.items() if name != "MKL_CBWR"}
    run = subprocess.run([sys.executable, "-c", late], env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert "asked for after numpy was imported" in run.stderr
