"""What to say when a process of a training is gone, and that only one of the others says it.

The store is the one by which the processes found each other. torchrun holds it, so it outlives any of them.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta

import psutil
import torch.distributed as dist

from resnetbk.errors import UserError

SECONDS_FOR_THE_STORE = 5
SECONDS_TO_END = 3.0  # a process that is killed closes its connections before the kernel counts it as ended


class LostProcessError(UserError):
    """A process of this training ended or did not answer."""


def introduce(store: dist.Store, rank: int) -> None:
    """Write down which process of this machine `rank` is."""
    store.set(f"process {rank}", str(os.getpid()))


def tells_of_a_lost_process(error: RuntimeError) -> bool:
    """Return whether gloo speaks of a connection or of time that ran out, and not of a fault in the call."""
    said = str(error).lower()
    return any(word in said for word in ("connect", "timed out", "timeout", "socket", "peer"))


def lost_process(store: dist.Store, size: int, error: RuntimeError) -> LostProcessError:
    """Return an error that names the processes that are gone; `error` is what gloo said."""
    until = time.monotonic() + SECONDS_TO_END
    while not (lost := _lost(store, size)) and time.monotonic() < until:
        time.sleep(0.05)
    what = ", ".join(lost) or f"a process ended or did not answer ({str(error).strip().splitlines()[0][:200]})"
    return LostProcessError(
        f"{what}, of the {size} that train together. The saved state is whole: run again to go on from it"
    )


def claim_error(store: dist.Store) -> bool:
    """Return whether this process is the first to report an error; the others then stay silent."""
    try:
        return store.add("errors", 1) == 1
    except RuntimeError:
        return True  # the launcher has gone, and the store with it: better twice than not at all


def _lost(store: dist.Store, size: int) -> list[str]:
    """Say of each process that no longer runs what has become of it."""
    states = {psutil.STATUS_ZOMBIE: "has ended", psutil.STATUS_STOPPED: "has been stopped"}
    lost = []
    store.set_timeout(timedelta(seconds=SECONDS_FOR_THE_STORE))  # one that never came has no entry to wait for
    for rank in range(size):
        try:
            state = states.get(psutil.Process(int(store.get(f"process {rank}"))).status())
        except (psutil.NoSuchProcess, RuntimeError):
            state = "has ended"
        if state:
            lost.append(f"process {rank} {state}")
    return lost
