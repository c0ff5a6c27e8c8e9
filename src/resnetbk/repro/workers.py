"""A DataLoader whose order and workers follow from a seed, and which leaves the global generators alone.

`iter(loader)` draws a number for its workers from torch's global generator unless the loader has one of its own:
an epoch more or less, or a resumed run, and every later draw of the program is another.

    loader = DataLoader(data, shuffle=True, num_workers=4, worker_init_fn=seed_worker,
                        generator=data_loader_generator(seed, epoch))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnetbk.repro.seeding import require_seed, seed_generators, stream_seed

if TYPE_CHECKING:
    import torch


def seed_worker(worker_id: int) -> None:
    """Seed Python, NumPy and torch in a DataLoader's worker process, each worker a stream of its own.

    Pass it as `worker_init_fn`. torch gives worker i the seed base + i, and neighbouring numbers are poor seeds
    of some generators: here they are hashed first.

    **Arguments:** `worker_id`: given by the DataLoader; torch knows the worker's seed by itself.
    """
    import torch

    seed_generators(stream_seed(torch.initial_seed() - worker_id, worker_id))


def data_loader_generator(seed: int, epoch: int = 0) -> torch.Generator:
    """Return a generator for `DataLoader(generator=...)`, which shuffles by it and seeds its workers from it.

    **Arguments:** `seed`: 0 to 2**32 - 1; `epoch`: at least 0; a resumed run finds the order of its epoch by it,
    without running the ones before.
    """
    import torch

    return torch.Generator().manual_seed(stream_seed(require_seed(seed), epoch))
