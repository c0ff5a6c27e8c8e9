"""The memory that one training step needs, each in a process of its own.

Memory that was freed stays with its process, so that a second measurement would find it there. And the peak that
`getrusage` reports survives `exec`: a child would start with its parent's. Linux lets a process set its peak back.

Run as `python -m resnetbk.benchmark.memory`, a description as JSON on its standard input, it measures one step.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from resnetbk.errors import UserError
from resnetbk.params import models as params

SHARE = 0.8  # of the free memory that a step may take: beyond, the machine itself would suffer
NO_ROOM = 3  # exit code
WARM_UP_TOKENS = 16


def peak_memory(
    config: params.Model, *, length: int, vocabulary_size: int, parameter_budget: int, threads: int
) -> int | None:
    """Measure the memory of a training step (forward and backward) on one sequence.

    **Arguments:** `config`, `vocabulary_size`, `parameter_budget`: the model; `length`: tokens; `threads`: of
    torch.
    **Returns:** the bytes at the peak, less those before the model was built; None when they are not to be had.
    **Raises:** `UserError` where the system is not Linux; `RuntimeError` with the child's words when it fails.
    """
    if not Path("/proc/self/clear_refs").exists():
        raise UserError("the benchmark measures memory by /proc/self/clear_refs, which only Linux has")
    described = {
        "config": config.model_dump(),
        "length": length,
        "vocabulary_size": vocabulary_size,
        "parameter_budget": parameter_budget,
        "threads": threads,
    }
    child = subprocess.run(
        [sys.executable, "-m", "resnetbk.benchmark.memory"],
        input=json.dumps(described),
        capture_output=True,
        text=True,
    )
    if child.returncode in (NO_ROOM, -signal.SIGKILL):  # the second by the kernel, when others took the memory
        return None
    if child.returncode:
        raise RuntimeError(f"measuring the memory of {described} failed:\n{child.stderr[-2000:]}")
    return int(child.stdout)


def _measure(described: dict[str, Any]) -> int:
    import torch

    from resnetbk.models.registry import build_model
    from resnetbk.training.loss import next_token_loss

    torch.set_num_threads(described["threads"])
    config = TypeAdapter(params.Model).validate_python(described["config"])

    def step(length: int) -> None:
        model = build_model(config, described["vocabulary_size"], described["parameter_budget"], seed=0)
        draw = torch.Generator().manual_seed(0)
        rows_BL = torch.randint(described["vocabulary_size"], (1, length + 1), generator=draw)
        loss = next_token_loss(model(rows_BL[:, :-1]), rows_BL[:, 1:])
        (loss + model.auxiliary_loss()).backward()

    step(WARM_UP_TOKENS)  # loads libraries and kernels, which are not the step's
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is in use now (man 5 proc)
    before = _resident("VmRSS")
    step(described["length"])
    return _resident("VmHWM") - before


def _resident(name: str) -> int:
    """Return a size from /proc/self/status in bytes: VmRSS is in use, VmHWM its peak."""
    return 1024 * int(re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.M)[1])


def _limit_address_space() -> None:
    """Let an allocation beyond the machine's free memory fail here rather than bring the machine down."""
    import psutil

    limit = _resident("VmSize") + int(SHARE * psutil.virtual_memory().available)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _main() -> None:
    described = json.load(sys.stdin)
    import torch  # before the limit: libraries take addresses that they never use

    torch.zeros(1)
    _limit_address_space()
    try:
        print(_measure(described))
    except (MemoryError, RuntimeError) as error:  # NumPy's and torch's
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        sys.exit(NO_ROOM)


if __name__ == "__main__":
    _main()
