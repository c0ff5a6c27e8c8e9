"""The server that the processes of tests are forked from; what they need is imported in it, once."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import ForkServerContext

from resnetbk.repro.levels import environment

# They are imported only: threads that Numba starts would not outlive a fork.
PRELOADED = [
    "numba.np.ufunc.parallel",
    "resnetbk.models.mamba",
    "resnetbk.models.resnet_bk",
    "resnetbk.models.transformer",
    "resnetbk.repro.portable",
    "tests.training.cell_processes",
    "tests.training.parallel_training",
    "torch._dynamo",
]


def forkserver() -> ForkServerContext:
    """Return the context of the server, which is started with the first process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    os.environ.update(environment("portable"))  # in force in the server, which imports torch after this
    return context
