"""Two pieces of work timed side by side, so that what else the machine does weighs on both alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Spread:
    """A median with the quartiles that show how far to trust it, of so many repeats."""

    median: float
    lower_quartile: float
    upper_quartile: float
    repeats: int


@dataclass(frozen=True)
class Ratio:
    """A ratio of times: the spread of the paired ratios, and of either side in seconds."""

    ratio: Spread
    numerator_seconds: Spread
    denominator_seconds: Spread


def spread(values: Sequence[float]) -> Spread:
    """Return the median and quartiles of measured values, at least one."""
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return Spread(median, lower, upper, len(values))


def paired_ratio(numerator: Work, denominator: Work, pairs: int) -> Ratio:
    """Time numerator, denominator, numerator, denominator and so on, and compare each with its neighbour.

    **Arguments:** `numerator`, `denominator`: the work; both have run before, so that nothing is compiled or
    loaded while the clock runs; `pairs`: how often each is timed.
    **Returns:** the median of the pairs' ratios: above 1 where the numerator takes longer.
    """
    times = np.array(interleaved([numerator, denominator], pairs))
    return Ratio(spread(times[0] / times[1]), spread(times[0]), spread(times[1]))


def interleaved(works: Sequence[Work], rounds: int) -> list[list[float]]:
    """Run every piece of work once a round, in order; return the seconds of each, round by round."""
    seconds: list[list[float]] = [[] for _ in works]
    with _no_garbage_collection():
        for _ in range(rounds):
            for work, taken in zip(works, seconds, strict=True):
                start = time.perf_counter()
                work()
                taken.append(time.perf_counter() - start)
    return seconds


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Run a block with so many of torch's threads, which our kernels use too, and then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Collect before a block and not within it: a collection takes longer than a kernel does."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
