"""A variable that is set after its reader looked is seen as such, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from resnetbk.repro.levels import CUBLAS_WORKSPACE, PORTABLE_ENVIRONMENT, environment
from resnetbk.repro.variables import NAMES, environment_at_start, value_at_load

REPORT = """
import json
from resnetbk.repro.variables import read_variables
print(json.dumps({variable.name: variable.state for variable in read_variables()}))
"""
LOAD = "import torch; torch.randn(9, 9) @ torch.randn(9, 9); torch.randn(9).sigmoid()\n"
LATE = {  # no CPU chooses these of itself
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "PYTHONHASHSEED": "1",
}
PIN = "from resnetbk.repro.levels import pin_environment; pin_environment('portable')\n"


def states(script: str, **variables: str) -> dict[str, str]:
    """Run a script in a process with none of the variables but these, and return their states."""
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script + REPORT],
        env=clean | variables,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_set_too_late():
    by_hand = f"import os; os.environ.update({LATE | {'ONEDNN_MAX_CPU_ISA': 'AVX2', 'RAYON_NUM_THREADS': '1'}})\n"
    found = states(LOAD + by_hand)
    assert {name: found[name] for name in LATE} == dict.fromkeys(LATE, "set too late")
    assert found["ONEDNN_MAX_CPU_ISA"] == "unproven"  # it does not tell, and nobody saw when
    assert found["RAYON_NUM_THREADS"] == "not read yet"
    assert found["OMP_NUM_THREADS"] == "unset"


def test_set_by_whoever_started_the_process():
    started = {name: PORTABLE_ENVIRONMENT[name] for name in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")}
    found = states("import numpy\n", **started, PYTHONHASHSEED="1")
    assert {found[name] for name in (*started, "PYTHONHASHSEED")} == {"in force"}
    assert found["MKL_CBWR"] == "unset"


def test_before_anything_is_loaded_nothing_has_been_read():
    found = states(PIN)
    assert {found[name] for name in environment("portable")} == {"not read yet"}


def test_in_time_and_overruled_by_a_call():
    overrule = "import numpy, threadpoolctl; limits = threadpoolctl.threadpool_limits(1)\n"
    assert states(overrule, OPENBLAS_NUM_THREADS="2")["OPENBLAS_NUM_THREADS"] == "not obeyed"


def test_a_name_unknown_to_the_library_is_not_obeyed():
    assert states("import numpy\n", OPENBLAS_CORETYPE="No-such-core")["OPENBLAS_CORETYPE"] == "not obeyed"


def test_the_start_of_a_process_is_not_rewritten(monkeypatch):
    name = next(iter(CUBLAS_WORKSPACE))
    monkeypatch.setenv(name, "set since")
    assert environment_at_start().get(name) != "set since"
    assert value_at_load(name) != "set since"
    assert value_at_load("PATH") == os.environ["PATH"]
