"""What determinism costs: the same work at several levels, timed side by side in one process.

The part of `portable` that environment variables choose (AVX2 where there is AVX-512) is fixed when a process
starts, so it weighs on every level alike here and is not part of the cost; `environment` of the result says which
one ran. Its cost shows between processes.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from threadpoolctl import ThreadpoolController

from resnetbk.repro.determinism import DeterministicConfig, DeterministicContext
from resnetbk.repro.levels import Level
from resnetbk.repro.status import get_deterministic_status


@dataclass(frozen=True)
class DeterministicImpact:
    """Seconds of a function at each level, and how much longer it takes than at the first, the baseline.

    `seconds`: level to the median; `ratios`: level to the median of the ratios to the baseline's run next to it,
    1.0 for the baseline; `spreads`: level to the lower and upper quartile of these ratios; `repeats`: timed runs a
    level; `environment`: the variables in force for all levels alike.
    """

    baseline: Level
    seconds: dict[Level, float]
    ratios: dict[Level, float]
    spreads: dict[Level, tuple[float, float]]
    repeats: int
    environment: dict[str, str]

    def __str__(self) -> str:
        rows = [
            f"{level:<9} {self.seconds[level] * 1e3:10.3f} ms  {self.ratios[level]:.3f}x of {self.baseline} "
            f"({self.spreads[level][0]:.3f} to {self.spreads[level][1]:.3f})"
            for level in self.seconds
        ]
        return "\n".join(rows)


def benchmark_deterministic_impact(
    fn: Callable[[], Any],
    *,
    levels: Sequence[Level] = ("fast", "machine"),
    repeats: int = 10,
    warmup: int = 2,
    single_thread: bool = True,
) -> DeterministicImpact:
    """Time a function at several levels of determinism, in turns: what else the machine does weighs on all.

    The mode is afterwards as it was, also when the function raises. CUDA is waited for where it is in use.

    **Arguments:** `fn`: the work, called without arguments; `levels`: at least two, the first is the baseline;
    `repeats`: timed runs a level, at least 1; `warmup`: runs a level before the clock runs, at least 0;
    `single_thread`: whether `fast` runs on one thread as the others do, so that one process is compared with one;
    else it has as many as torch has now.
    **Returns:** the medians.
    **Raises:** `ValueError` for arguments out of range; `RuntimeError` for a level that cannot hold in this
    process (`portable` needs one that was started for it); what `fn` raises.
    """
    if len(set(levels)) != len(levels) or len(levels) < 2:
        raise ValueError(f"levels names at least two levels, each once; found {list(levels)}")
    if repeats < 1 or warmup < 0:
        raise ValueError(f"expected repeats >= 1 and warmup >= 0; found {repeats} and {warmup}")
    works = {level: _at(level, fn, single_thread) for level in levels}
    for work in works.values():
        for _ in range(warmup):
            work()
    times: dict[Level, list[float]] = {level: [] for level in levels}
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()  # a collection would fall on one level and not on its neighbour
    try:
        for _ in range(repeats):
            for level, work in works.items():
                times[level].append(work())
    finally:
        if collecting:
            gc.enable()
    baseline = levels[0]
    ratios = {
        level: [mine / base for mine, base in zip(times[level], times[baseline], strict=True)] for level in levels
    }
    return DeterministicImpact(
        baseline,
        {level: statistics.median(times[level]) for level in levels},
        {level: statistics.median(ratios[level]) for level in levels},
        {level: _quartiles(ratios[level]) for level in levels},
        repeats,
        {
            variable.name: variable.value
            for variable in get_deterministic_status().variables
            if variable.value is not None and variable.state == "in force"
        },
    )


def _at(level: Level, fn: Callable[[], Any], single_thread: bool) -> Callable[[], float]:
    """Return what runs a function at a level and returns its seconds; changing the level is not timed."""

    threads = 1 if single_thread or level != "fast" else None

    def work() -> float:
        import torch

        with DeterministicContext(DeterministicConfig(level)), ThreadpoolController().limit(limits=threads):
            torch.set_num_threads(threads or torch.get_num_threads())  # MKL's too; the context puts them back
            _wait()
            start = time.perf_counter()
            fn()
            _wait()
            return time.perf_counter() - start

    return work


def _wait() -> None:
    """Wait until every CUDA device has done what it was given."""
    torch = sys.modules["torch"]
    if torch.cuda.is_initialized():
        for device in range(torch.cuda.device_count()):
            torch.cuda.synchronize(device)


def _quartiles(values: list[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, upper
