"""Where the time of a training's steps goes, and what memory its process holds: for the journal alone."""

from __future__ import annotations

import time
from typing import Literal

import psutil
import torch

Phase = Literal["data", "forward", "backward", "optimiser"]


class StepClock:
    """Adds up the seconds of each phase of the steps since it was last read, on the host's clock.

    On CUDA forward and backward end with a number being read, so that they are timed whole; what the optimiser
    launched runs on into the next step's forward. With several processes a phase holds the waiting for the others.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._process = psutil.Process()
        self._seconds: dict[Phase, float] = {}
        self._steps = 0
        self._last = time.perf_counter()

    def start(self) -> None:
        """Begin a step."""
        self._steps += 1
        self._last = time.perf_counter()

    def lap(self, phase: Phase) -> None:
        """Count the time since `start` or the last `lap` as this phase's."""
        now = time.perf_counter()
        self._seconds[phase] = self._seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def read(self, tokens_per_step: int) -> dict[str, float]:
        """Return means over the steps since the last reading, and the memory in use now; begin anew.

        **Returns:** `time/{phase}_seconds` of a step, `time/tokens_per_second`, `memory/resident_bytes` and, for a
        model on CUDA, `memory/cuda_bytes` that tensors hold and `memory/cuda_peak_bytes` they held at most.
        """
        total = sum(self._seconds.values())
        found = {f"time/{phase}_seconds": seconds / self._steps for phase, seconds in self._seconds.items()}
        found["time/tokens_per_second"] = self._steps * tokens_per_step / total
        found["memory/resident_bytes"] = self._process.memory_info().rss
        if self._device.type == "cuda":
            found["memory/cuda_bytes"] = torch.cuda.memory_allocated(self._device)
            found["memory/cuda_peak_bytes"] = torch.cuda.max_memory_allocated(self._device)
        self._seconds, self._steps = {}, 0
        return found
