"""The level that is reported is the highest of which nothing is missing; each missing thing is named."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from resnetbk.repro.cublas import workspace_fault
from resnetbk.repro.flags import capture_flags, restore_flags
from resnetbk.repro.level_check import check_level
from resnetbk.repro.levels import PORTABLE_ENVIRONMENT
from resnetbk.repro.status import get_deterministic_status, machine_faults, portable_faults


@pytest.fixture(scope="module")
def portable() -> dict:
    hostile = {"OMP_NUM_THREADS": "2", "ATEN_CPU_CAPABILITY": "avx512", "OPENBLAS_CORETYPE": "SkylakeX"}
    return check_level("portable", variables={**os.environ, **hostile})


def test_portable_is_reached_in_a_fresh_process_whatever_its_environment_asks_for(portable):
    assert portable["level"] == "portable"
    assert portable["faults"] == {"machine": [], "portable": []}
    assert portable["flags"]["portable_operators"]
    assert not [unit for unit in portable["arithmetic"]["numpy_vector_units"] if "AVX512" in unit or "V4" in unit]
    states = {variable["name"]: variable["state"] for variable in portable["variables"]}
    assert {states[name] for name in PORTABLE_ENVIRONMENT} == {"in force"}
    assert {states[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {
        "in force"
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"deterministic_algorithms": False}, "use_deterministic_algorithms is off"),
        ({"warn_only": True}, "only warns"),
        ({"cudnn_benchmark": True}, "cudnn.benchmark"),
        ({"threads": 2}, "2 threads; expected 1"),
        ({"workspace_fault": workspace_fault(None)}, "before the first use of CUDA"),
    ],
)
def test_one_switch_less_and_it_is_not_machine(portable, change, fault):
    assert not list(machine_faults(portable["flags"], portable["arithmetic"]))
    faults = list(machine_faults(portable["flags"] | change, portable["arithmetic"]))
    assert len(faults) == 1 and fault in faults[0]


@pytest.mark.parametrize(
    ("flags", "arithmetic", "fault"),
    [
        ({"portable_operators": False}, {}, "portable operators are not installed"),
        ({}, {"machine": "aarch64"}, "this CPU is aarch64"),
        ({}, {"instructions": {"avx2": False, "fma": True}}, "this CPU has no AVX2"),
    ],
)
def test_one_condition_less_and_it_is_not_portable(portable, flags, arithmetic, fault):
    assert not list(portable_faults(portable["flags"], portable["arithmetic"], ()))
    faults = list(portable_faults(portable["flags"] | flags, portable["arithmetic"] | arithmetic, ()))
    assert len(faults) == 1 and fault in faults[0]


def test_the_status_follows_the_switches_of_this_process():
    before = capture_flags()
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_num_threads(2)
        faults = get_deterministic_status().faults["machine"]
        assert any("only warns" in fault for fault in faults)
        assert "torch adds up in 2 threads; expected 1" in faults
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(1)
        faults = get_deterministic_status().faults["machine"]
        assert not any("torch" in fault for fault in faults)
    finally:
        restore_flags(before)


def test_asking_changes_nothing_and_is_json():
    before = capture_flags()
    status = get_deterministic_status()
    assert capture_flags() == before
    assert status.as_dict()["variables"][0]["name"] == status.variables[0].name


@pytest.mark.parametrize("found", [None, "", ":0:0", ":4096:2", ":8:8"])
def test_a_workspace_that_is_not_deterministic(found):
    assert "when the CUDA context was made" in workspace_fault(found)


@pytest.mark.parametrize("found", [":4096:8", ":16:8"])
def test_a_workspace_that_is(found):
    assert workspace_fault(found) is None
    assert workspace_fault(found, (":4096:8",)) is None or found == ":16:8"


def test_a_process_that_dies_is_an_error():
    with pytest.raises(RuntimeError, match="died of signal SIGKILL"):
        check_level("fast", launcher=("/bin/sh", "-c", "kill -KILL $$"))
    with pytest.raises(RuntimeError, match="No such level"):
        check_level("fast", launcher=("/bin/sh", "-c", "echo No such level >&2; exit 1"))


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-user to emulate other CPUs")
def test_a_cpu_without_avx2_cannot_hold_portable_and_says_so():
    try:
        faults = check_level("portable", launcher=("qemu-x86_64", "-cpu", "Westmere"))["faults"]["portable"]
    except RuntimeError as error:
        assert "died of signal SIGILL" in str(error)
    else:
        assert any("this CPU has no AVX2" in fault for fault in faults)
