"""Can this machine hold a level? Tried in a process of its own, since most of a level is fixed when one starts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from resnetbk.repro.levels import Level

_PUT_IN_FORCE = """
import json, sys
from resnetbk.repro.levels import enforce, pin_environment
pin_environment(sys.argv[1])
import numpy, torch
enforce(sys.argv[1])
(torch.ones(8, 8) @ torch.ones(8, 8)).exp()
from resnetbk.repro.status import get_deterministic_status
print(json.dumps(get_deterministic_status().as_dict()))
"""


def check_level(
    level: Level, *, variables: Mapping[str, str] | None = None, launcher: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Put a level in force in a fresh process, compute something there, and report what came of it.

    **Arguments:** `level`: `fast` for what a plain process gets; `variables`: the process's environment, None for
    this one's; `launcher`: what starts the interpreter, such as an emulator and its arguments.
    **Returns:** the status of `get_deterministic_status` as a dict.
    **Raises:** `RuntimeError` when the process dies, as it does where the CPU lacks an instruction that it was
    told to use.
    """
    done = subprocess.run(
        [*launcher, sys.executable, "-W", "ignore", "-c", _PUT_IN_FORCE, level],
        env=None if variables is None else dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        died = f"signal {signal.Signals(-done.returncode).name}" if done.returncode < 0 else "an error"
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"a process at level {level!r} died of {died}: {last}")
    return json.loads(done.stdout)
