"""The processes that train one model together, and what they tell each other.

`torchrun` (or `resnetbk.training.launch`) starts them and says by environment variables who each is. They talk by
gloo over the loopback interface. What one process alone does costs nothing here: nothing is connected for it.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import psutil
import torch
import torch.distributed as dist

from resnetbk.errors import UserError
from resnetbk.training.lost_process import claim_error, introduce, lost_process, tells_of_a_lost_process

SECONDS_TO_ANSWER = 300.0  # longer than a first step with its compilation, or the saving of a state


@dataclass(frozen=True)
class World:
    """The group of processes that carries a training: this one is `rank` (from 0) of `size`.

    Methods that exchange something are called by all processes, in the same order. As a context manager it sees to
    it that an error is reported once, by the process that met it first, and disconnects at the end.
    """

    rank: int = 0
    size: int = 1
    store: dist.Store | None = field(default=None, repr=False, compare=False)
    parent: int = field(default_factory=os.getppid, repr=False, compare=False)

    @classmethod
    def from_environment(cls, *, seconds: float = SECONDS_TO_ANSWER) -> World:
        """Return the world that torchrun's RANK and WORLD_SIZE describe, connected; without them, one process.

        **Arguments:** `seconds`: how long a process may keep the others waiting before they give up.
        **Raises:** `UserError` when the processes are on several machines, or one of them does not come.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if int(os.environ.get("LOCAL_WORLD_SIZE", size)) != size:
            raise UserError(
                f"WORLD_SIZE is {size}, LOCAL_WORLD_SIZE {os.environ['LOCAL_WORLD_SIZE']}: the processes of one "
                "training must be on one machine. Start them with `torchrun --standalone`"
            )
        os.environ["GLOO_SOCKET_IFNAME"] = _loopback()
        timeout = timedelta(seconds=seconds)
        store, rank, size = next(dist.rendezvous("env://", timeout=timeout))
        introduce(store, rank)
        world = cls(rank, size, store)
        with world.talking():
            dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=timeout)
        return world

    @property
    def first(self) -> bool:
        """Whether this process is the one that saves, logs and writes outs."""
        return self.rank == 0

    def gather(self, value: float) -> list[float]:
        """Return the float64 value of each process, in the order of their ranks, on all of them."""
        if self.size == 1:
            return [value]
        return self._gather(torch.tensor([value], dtype=torch.float64)).flatten().tolist()

    def barrier(self) -> None:
        """Wait until every process has come here."""
        self.gather(0.0)

    def stop_requested(self, requested: bool) -> bool:
        """Return whether any process was asked to stop, the same everywhere: all stop after the same step.

        A process whose launcher is gone counts as asked: what it made would reach nobody.
        """
        orphaned = self.size > 1 and os.getppid() != self.parent
        return any(self.gather(float(requested or orphaned)))

    def require_same(self, what: str, value: str) -> None:
        """Raise `UserError` on every process, naming those whose `value` is not that of the first."""
        if self.size == 1:
            return
        digest = torch.frombuffer(bytearray(hashlib.sha256(value.encode()).digest()), dtype=torch.uint8)
        digests = self._gather(digest)
        others = [rank for rank in range(1, self.size) if not torch.equal(digests[rank], digests[0])]
        if others:
            raise UserError(
                f"{what} is not the same in all {self.size} processes: that of process "
                f"{', '.join(map(str, others))} is not that of process 0. Nothing since the last saved state can "
                "be trusted: run again to go on from it, and test the machine's memory if this happens again"
            )

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Around an exchange between processes: turn what gloo says of a lost one into a clear error.

        **Raises:** `LostProcessError`.
        """
        try:
            yield
        except RuntimeError as error:
            if not tells_of_a_lost_process(error):
                raise
            raise lost_process(self.store, self.size, error) from error

    def _gather(self, mine: torch.Tensor) -> torch.Tensor:
        gathered = torch.empty(self.size * len(mine), dtype=mine.dtype)
        with self.talking():
            dist.all_gather_single(gathered, mine)
        return gathered.view(self.size, -1)

    def __enter__(self) -> World:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if self.size == 1:
            return
        if isinstance(error, Exception):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the launcher may send it before the error is out
            if not claim_error(self.store):
                raise SystemExit(1)  # another process has said what went wrong
        dist.destroy_process_group()


def _loopback() -> str:
    """Return the network interface that has the address 127.0.0.1; left alone, gloo asks for the host's name."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(address.address == "127.0.0.1" for address in addresses):
            return name
    raise UserError("no network interface has the address 127.0.0.1, by which the processes of a training talk")
