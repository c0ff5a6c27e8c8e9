"""Does torch load, is its build the right one for this machine, and can it hold the level of determinism?"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resnetbk.doctor.finding import Finding

TIMEOUT = 120  # seconds; the first import on a cold disk takes long

_ASK = """
import json, torch
torch.ones(64, 64) @ torch.ones(64, 64)
print(json.dumps({
    "version": torch.__version__,
    "cuda": torch.version.cuda,
    "gpu": torch.cuda.is_available(),
    "capability": torch.backends.cpu.get_cpu_capability(),
}))
"""


def examine_torch(root: Path, launcher: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Load torch in a process of its own, where it may die, and judge the build.

    **Arguments:** `launcher`: what starts the interpreter, such as an emulator and its arguments.
    """
    from resnetbk.repro.gpu import gpu_info

    done = subprocess.run(
        [*launcher, sys.executable, "-W", "ignore", "-c", _ASK], capture_output=True, text=True, timeout=TIMEOUT
    )
    if done.returncode:
        died = signal.Signals(-done.returncode).name if done.returncode < 0 else "an error"
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        yield Finding("torch", "wrong", f"does not load: {died}: {last}", "make setup; see the line on the CPU")
        return
    yield judge_build(json.loads(done.stdout), len(gpu_info()["devices"]))
    yield from _determinism(root, launcher)


def judge_build(build: dict[str, Any], gpus: int) -> Finding:
    """Judge what torch said of itself on a machine with so many NVIDIA GPUs."""
    found = f"{build['version']}, CUDA {build['cuda'] or 'none'}, CPU path {build['capability']}"
    if build["gpu"]:
        return Finding("torch", "ok", f"{found}, sees a GPU")
    if gpus and not build["cuda"]:
        return Finding(
            "torch", "wrong", f"{found}: a GPU is here, and this build cannot use it", "install torch's CUDA build"
        )
    if gpus:
        return Finding("torch", "wrong", f"{found}: a GPU is here, and torch cannot reach it", "update its driver")
    return Finding("torch", "ok", f"{found}, no GPU here")


def _determinism(root: Path, launcher: tuple[str, ...]) -> Iterator[Finding]:
    from resnetbk.errors import UserError
    from resnetbk.params import load_params
    from resnetbk.repro.level_check import check_level

    try:
        level = load_params(root / "params.yaml").run.determinism
    except UserError:
        return  # another examination says so
    try:
        faults = check_level(level, launcher=launcher)["faults"].get(level, [])
    except RuntimeError as error:
        faults = [str(error)]
    if faults:
        mend = "resnetbk determinism says what is in force; a weaker level is set by run.determinism"
        yield Finding("determinism", "wrong", f"{level} cannot hold here: {'; '.join(faults)}", mend)
    else:
        yield Finding("determinism", "ok", f"{level} holds here")
