"""Rows of a batch on torch's number of threads; bits never depend on how many there are.

A row is one thread's from start to end, and what is summed over the batch comes as one part a row, added in the
order of the rows.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import torch


def each_row(work: Callable[[int], None], rows: int) -> None:
    """Call `work(row)` for every row, on `torch.get_num_threads()` threads, and return when all are done.

    **Arguments:** `work`: a compiled kernel's call, which releases the GIL and writes to its own row alone;
    `rows`: how many.
    """
    left = iter(range(rows))
    threads = min(torch.get_num_threads(), rows)
    if threads < 2:
        return _work_off(work, left)
    pool = _pool(os.getpid(), threads - 1)
    others = [pool.submit(_work_off, work, left) for _ in range(threads - 1)]
    try:
        _work_off(work, left)
    finally:
        wait(others)  # they write to the caller's arrays
    for other in others:
        other.result()


def _work_off(work: Callable[[int], None], left: Iterator[int]) -> None:
    for row in left:
        work(row)


@functools.lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return the process's pool; a forked child has the parent's object but not its threads, hence `process`."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"resnetbk.kernels-{process}")


def sum_of_rows(part_B: np.ndarray) -> np.ndarray:
    """Add up parts [B, ...] in the order of the rows."""
    total = np.zeros(part_B.shape[1:], part_B.dtype)
    for part in part_B:
        total += part
    return total
