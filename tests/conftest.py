"""For all tests: what the runner inherits, what it holds, and the order of the files.

A run started in the background of a script ignores Ctrl-C, and its children inherit that. A file is one worker's,
so the longest comes first and the others fill the time beside it.
"""

from __future__ import annotations

import gc
import os
import signal

import pytest
from tests.outside_of_any_pipeline import outer_variables

LONGEST = "test_readme.py"


def pytest_configure() -> None:
    for name in outer_variables():  # in a container, say, the server of the runs
        del os.environ[name]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != LONGEST)  # stable: the rest stays as it was


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every garbage collection: there are millions of objects.

    One worker for each core has torch work with one thread: more would wait for those of the other workers.
    """
    gc.collect()
    gc.freeze()
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)
