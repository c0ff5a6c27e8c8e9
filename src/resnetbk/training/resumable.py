"""A training that can be killed: it holds a lock, saves its state as it goes, hears signals and shows progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from resnetbk.data.corpus import Corpus
from resnetbk.params.training import Train
from resnetbk.repro.files import sha256_json
from resnetbk.repro.repository import main_root
from resnetbk.training.cell_lock import cell_lock
from resnetbk.training.interruption import Interrupted, stop_signals
from resnetbk.training.loop import Row, train
from resnetbk.training.progress import Progress
from resnetbk.training.resume import ResumeState
from resnetbk.training.world import World

# Code too, though of others: with another version a training would go on to bits that no version makes alone.
COMPUTING_PACKAGES = ("torch", "numpy", "numba", "llvmlite", "transformers")


class Trained(NamedTuple):
    """What a training leaves beside the weights; `tokens` are those of this call, fewer after a resume."""

    history: list[Row]
    tokens: int


@contextmanager
def trained(
    cell: str,
    model: nn.Module,
    corpus: Corpus,
    config: Train,
    *,
    seed: int,
    inputs: Any,
    root: Path,
    world: World = World(),  # noqa: B008 - frozen
) -> Iterator[Trained]:
    """Train `model` in place, and hold its saved state until the body has written what is to be kept.

    **Arguments:** `cell`: its name, such as `train-mamba-0`; `inputs`: JSON of all that decides the bits of the
    weights, which names the saved state; `root`: the tree whose outs the cell writes; `world`: the processes that
    train it together, of which the first alone saves and reports.
    **Raises:** `UserError` when training diverges, another process trains this cell, or its state cannot be
    written; `Interrupted` when a signal asked it to stop.
    """
    packages = {package: version(package) for package in COMPUTING_PACKAGES}
    states = main_root() / ".resume"
    resume = ResumeState(states / f"{cell}-{sha256_json([inputs, packages])[:16]}")
    locks = (root.resolve() / f".resume/{cell}.lock", resume.directory.with_suffix(".lock"))
    name = cell.removeprefix("train-")
    progress = Progress(name, steps=config.steps, tokens_per_step=config.tokens_per_step, shown=world.first)
    try:
        with cell_lock(name, *locks if world.first else ()), stop_signals() as stop_signal, closing(progress):
            history = train(
                model,
                corpus,
                config,
                seed=seed,
                resume=resume,
                on_step=progress.update,
                stop_signal=stop_signal,
                world=world,
            )
            yield Trained(history, progress.tokens)
            if world.first:
                if number := stop_signal():
                    raise Interrupted(number, config.steps)
                resume.clear()
    except Interrupted as stop:
        if world.first:
            print(f"{name}: saved at step {stop.step}; run again to go on", file=sys.stderr)
        raise
