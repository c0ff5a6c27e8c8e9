"""Python, packages, processor, torch, memory, files: what is well is left alone, what is wrong is found."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from resnetbk.doctor.finding import Finding
from resnetbk.doctor.packages import examine_packages
from resnetbk.doctor.processor import examine_processor, judge_instructions
from resnetbk.doctor.python import OLDEST, examine_python, judge_version
from resnetbk.doctor.resources import FEWEST_FILES, examine_resources, judge_files, judge_memory
from resnetbk.doctor.torch_build import examine_torch, judge_build

ROOT = Path(__file__).parents[2]
GIB = 2**30
BUILD = {"version": "2.13.0", "cuda": None, "gpu": False, "capability": "AVX2"}


def states(findings) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


def test_this_python_and_library_are_well():
    assert states(examine_python(ROOT)) == {"Python": "ok", "library": "ok"}


@pytest.mark.parametrize(("found", "wide"), [((3, 10, 13), True), ((3, 12, 0), False)])
def test_an_old_or_narrow_python_is_wrong(found: tuple[int, int, int], wide: bool):
    assert judge_version(found, wide).state == "wrong"


def test_the_oldest_python_is_that_of_the_package():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert asked == f">={'.'.join(map(str, OLDEST))}"


def test_the_library_of_another_tree_is_worth_a_note(tmp_path: Path):
    (tmp_path / "src/resnetbk").mkdir(parents=True)
    (found,) = [finding for finding in examine_python(tmp_path) if finding.name == "library"]
    assert found.state == "note" and str(ROOT) in found.found


def packages(tmp_path: Path, *lines: str) -> Finding:
    (tmp_path / "requirements.lock").write_text("\n".join(lines))
    (found,) = examine_packages(tmp_path)
    return found


def test_packages_as_locked_are_well(tmp_path: Path):
    torch = version("torch").partition("+")[0]  # a lock names no build
    found = packages(tmp_path, f"torch=={torch}", "absent==1 ; sys_platform == 'plan9'", "# a remark")
    assert (found.state, found.found) == ("ok", "1, as requirements.lock has them")


def test_missing_and_other_packages_are_named(tmp_path: Path):
    found = packages(tmp_path, "left-pad==1", "numpy==0.0.1")
    assert found.state == "wrong"
    assert found.found == f"left-pad is missing; numpy {version('numpy')}, locked ==0.0.1"


def test_this_cpu():
    assert states(examine_processor(ROOT)) == {"CPU": "ok"}


@pytest.mark.parametrize(
    ("machine", "sets", "state"),
    [
        ("x86_64", ["avx", "avx2", "fma"], "ok"),
        ("x86_64", ["avx", "sse4_2"], "wrong"),
        ("x86_64", ["avx2"], "wrong"),
        ("aarch64", ["asimd", "sve"], "wrong"),
    ],
)
def test_a_cpu_without_avx2_is_wrong(machine: str, sets: list[str], state: str):
    assert judge_instructions("some CPU", machine, sets).state == state
    cured = judge_instructions("some CPU", machine, sets, level="machine").state
    assert cured == ("note" if state == "wrong" else state), "as its advice says"


@pytest.mark.parametrize(
    ("build", "gpus", "state"),
    [({}, 0, "ok"), ({}, 1, "wrong"), ({"cuda": "13.0", "gpu": True}, 1, "ok"), ({"cuda": "13.0"}, 1, "wrong")],
)
def test_a_build_that_cannot_use_the_gpu_is_wrong(build: dict, gpus: int, state: str):
    assert judge_build(BUILD | build, gpus).state == state


def test_a_torch_that_does_not_load_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: undefined symbol')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (found,) = examine_torch(ROOT)
    assert found.state == "wrong" and "undefined symbol" in found.found


def test_a_torch_that_dies_of_an_instruction_is_wrong():
    (found,) = examine_torch(ROOT, launcher=("sh", "-c", "kill -ILL $$"))
    assert found.state == "wrong" and "SIGILL" in found.found


@pytest.mark.nightly
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="needs qemu-user to emulate other CPUs")
def test_a_level_that_cannot_hold_is_wrong():
    found = states(examine_torch(ROOT, launcher=("qemu-x86_64", "-cpu", "Westmere")))
    assert found.get("determinism", found["torch"]) == "wrong", "this CPU is from before AVX"


@pytest.mark.nightly
def test_torch_and_the_level_are_well_here():
    assert states(examine_torch(ROOT)) == {"torch": "ok", "determinism": "ok"}


@pytest.mark.parametrize(
    ("available", "limit", "state"),
    [(8 * GIB, None, "ok"), (GIB // 2, None, "wrong"), (8 * GIB, GIB // 2, "wrong"), (3 * GIB // 2, None, "note")],
)
def test_memory(available: int, limit: int | None, state: str):
    assert judge_memory(available, limit).state == state


def test_files():
    assert judge_files(resource.RLIM_INFINITY).state == judge_files(65536).state == "ok"
    assert judge_files(FEWEST_FILES).state == "note"


def test_a_shell_that_may_open_few_files_is_wrong():
    code = (
        "from resnetbk.doctor.resources import examine_resources\n"
        "for finding in examine_resources('.'): print(finding.name, finding.state, finding.found)"
    )
    said = subprocess.run(
        ["bash", "-c", f'ulimit -n 100; exec "{sys.executable}" -c "{code}"'], capture_output=True, text=True
    ).stdout
    assert "files wrong 100 may be open at once" in said
    assert re.search(r"memory (ok|note)", said)


def test_here_are_resources():
    assert set(states(examine_resources(ROOT)).values()) <= {"ok", "note"}
