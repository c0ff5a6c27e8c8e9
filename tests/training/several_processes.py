"""Real processes for a test: forked from a server that has imported torch once, and joined as torchrun joins them.

The store by which they find each other is the test's, as torchrun's is torchrun's: it outlives each of them.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch.distributed as dist
from tests.training.forkserver import forkserver


class Processes:
    """A group of processes that run `function(*arguments)`; what each returns (JSON) is read by `results`."""

    def __init__(self, size: int, folder: Path, function: Callable[..., Any], *arguments: Any):
        folder.mkdir(parents=True)
        self._folder = folder
        self._store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        context = forkserver()
        self.processes: list[BaseProcess] = [
            context.Process(
                target=_work, args=(rank, size, self._store.port, folder, function, arguments), daemon=True
            )
            for rank in range(size)
        ]
        for process in self.processes:
            process.start()

    def join(self, seconds: float) -> list[int]:
        """Wait for the end of all and return their exit codes."""
        for process in self.processes:
            process.join(seconds)
        assert not any(process.is_alive() for process in self.processes), f"still running after {seconds} s"
        return [process.exitcode for process in self.processes]

    def results(self, seconds: float = 120) -> list[Any]:
        """Wait for the end of all and return what each of them returned, by rank."""
        codes = self.join(seconds)
        assert not any(codes), f"exit codes {codes}\n{self.errors()}"
        return [json.loads((self._folder / f"{rank}.json").read_text()) for rank in range(len(codes))]

    def errors(self) -> str:
        """Return what all of them wrote to standard error."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.err")))


def _work(rank: int, size: int, port: int, folder: Path, function: Callable[..., Any], arguments: tuple) -> None:
    os.dup2(os.open(folder / f"{rank}.err", os.O_WRONLY | os.O_CREAT), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    if size > 1:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        os.environ["TORCHELASTIC_USE_AGENT_STORE"] = "True"
    try:
        result = function(*arguments)
    except Exception as error:  # as a stage does: one message for what a user can put right
        traceback.print_exc()
        sys.exit(f"ERROR: {error}")
    (folder / f"{rank}.json").write_text(json.dumps(result))
