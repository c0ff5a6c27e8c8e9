"""Seeds for every global generator: Python, NumPy's legacy one, torch on the CPU and on every CUDA device.

Two things cannot be seeded from within. Python's hash randomisation is fixed when the interpreter starts: set
PYTHONHASHSEED before. JAX has no global generator: its keys are values, so `set_global_seed` hands one back.
"""

from __future__ import annotations

import importlib.util
import itertools
import operator
import random
import sys
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import numpy as np

from resnetbk.repro.flags import capture_flags, restore_flags
from resnetbk.repro.seed_state import capture_seed_state, restore_seed_state

SEED_LIMIT = 2**32  # exclusive: NumPy refuses a larger seed, and torch's CPU generator drops the bits above


def set_global_seed(seed: int, deterministic: bool = True) -> Any | None:
    """Seed Python, NumPy and torch (every device), and put the deterministic mode in force.

    torch is imported where it is installed: imported later, it would start from a seed of its own. NumPy's
    `default_rng()` and torch's `Generator()` objects are no global state: give them seeds of their own
    (`generate_deterministic_seeds`).

    **Arguments:** `seed`: 0 to 2**32 - 1; `deterministic`: whether to call `enable_deterministic_mode` too,
    which sets torch to one thread; False leaves the mode as it is.
    **Returns:** `jax.random.key(seed)` where JAX is imported, to be passed on by hand; else None.
    **Raises:** `ValueError` for a seed out of range, `TypeError` for one that is no integer, `RuntimeError` where
    no deterministic mode can hold.
    """
    seed = require_seed(seed)
    if deterministic and importlib.util.find_spec("torch"):
        from resnetbk.repro.determinism import enable_deterministic_mode

        enable_deterministic_mode()
    seed_generators(seed)
    jax = sys.modules.get("jax")
    return None if jax is None else jax.random.key(seed)


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch, and nothing else."""
    seed = require_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    if importlib.util.find_spec("torch"):
        import torch

        torch.manual_seed(seed)


def require_seed(seed: int) -> int:
    """Return a seed as a Python integer.

    **Raises:** `ValueError` when it is out of range, `TypeError` when it is no integer.
    """
    number = operator.index(seed)
    if not 0 <= number < SEED_LIMIT:
        raise ValueError(f"a seed is an integer from 0 to 2**32 - 1; found {number}")
    return number


def generate_deterministic_seeds(base_seed: int, count: int) -> list[int]:
    """Return seeds of independent streams, for workers, folds or repeats.

    The first k of n are the first k of any other number, no two are the same, and none is the base seed.
    Neighbouring base seeds give unrelated lists, which `base_seed + i` does not.

    **Arguments:** `base_seed`: 0 to 2**32 - 1; `count`: how many, at least 0.
    **Returns:** `count` integers from 0 to 2**32 - 1, which every library takes as a seed.
    **Raises:** `ValueError` for a base seed or a count out of range.

    Source: NumPy's SeedSequence (O'Neill's seed_seq hash), spawned once a seed. Its first word is a one-to-one
    function of the child's number: products by odd constants, differences and shifts, each of which can be undone.
    """
    base_seed = require_seed(base_seed)
    if not 0 <= count < SEED_LIMIT:
        raise ValueError(f"count is from 0 to 2**32 - 1; found {count}")
    seeds = (stream_seed(base_seed, stream) for stream in itertools.count())
    return list(itertools.islice((seed for seed in seeds if seed != base_seed), count))


def stream_seed(base_seed: int, *stream: int) -> int:
    """Return the seed of one stream below a base seed, named by numbers such as (epoch,) or (epoch, worker)."""
    return int(np.random.SeedSequence(base_seed, spawn_key=stream).generate_state(1)[0])


class SeedContext:
    """Run a block from a seed, and put every generator and determinism flag back as it was, come what may.

    Contexts nest, and one object may be entered again. They change the state of the process: other threads see it.

        with SeedContext(0) as context:
            ...  # context.jax_key where JAX is imported
    """

    def __init__(self, seed: int, deterministic: bool = True) -> None:
        """**Arguments:** `seed`, `deterministic`: of `set_global_seed`. **Raises:** what it raises."""
        self.seed = require_seed(seed)
        self.deterministic = deterministic
        self.jax_key: Any | None = None
        self._undo: list[ExitStack] = []

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.callback(restore_seed_state, capture_seed_state())
            undo.callback(restore_flags, capture_flags())
            if self.deterministic and importlib.util.find_spec("torch"):
                from resnetbk.repro.determinism import DeterministicContext

                undo.enter_context(DeterministicContext())
            self.jax_key = set_global_seed(self.seed, deterministic=False)
            self._undo.append(undo.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.pop().close()
