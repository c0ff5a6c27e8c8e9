"""Rows on several threads: the same bits for any number of them."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
import torch
from tests.kernels.test_portability import fingerprints

from resnetbk.kernels.threads import each_row, sum_of_rows


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_bits_do_not_depend_on_the_number_of_threads(threads):
    found = []
    for count in (1, 2, 3, 4, 8):
        threads(count)
        found.append(fingerprints(batch=5))
    assert all(other == found[0] for other in found)


def test_a_sum_that_follows_the_threads_would_differ():
    """The negative control: rows added up within each of several threads first."""
    part_B = np.random.default_rng(0).standard_normal((8, 1000)).astype(np.float32)
    for threads in (2, 3):
        by_thread = sum_of_rows(np.stack([sum_of_rows(part_B[i::threads]) for i in range(threads)]))
        assert np.allclose(by_thread, sum_of_rows(part_B), atol=1e-4)
        assert not np.array_equal(by_thread, sum_of_rows(part_B))


def test_every_row_is_worked_on_once_by_several_threads(threads):
    threads(3)
    together = threading.Barrier(3, timeout=10)
    rows = []

    def work(row):
        if row < 3:
            together.wait()  # passes only when three threads are here
        rows.append(row)

    each_row(work, 20)
    assert sorted(rows) == list(range(20))


def test_an_error_reaches_the_caller(threads):
    threads(2)

    def work(row):
        raise RuntimeError("row")

    with pytest.raises(RuntimeError, match="row"):
        each_row(work, 4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_works_in_a_forked_child(threads):
    threads(2)
    each_row(lambda row: None, 2)
    child = os.fork()
    if child == 0:
        done = []
        each_row(done.append, 4)
        os._exit(0 if sorted(done) == [0, 1, 2, 3] else 1)
    assert os.waitpid(child, 0)[1] == 0
