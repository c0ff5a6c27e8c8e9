"""A training that can be killed: it holds a lock, saves its state as it goes, hears signals and shows progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from torch import nn

from resnetbk.data.corpus import Corpus
from resnetbk.params.training import Train
from resnetbk.repro.files import sha256_json
from resnetbk.repro.repository import main_root
from resnetbk.training.cell_lock import cell_lock
from resnetbk.training.divergence import DivergenceError
from resnetbk.training.interruption import Interrupted, stop_signals
from resnetbk.training.journal import Journal, new_journal
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
    stage: Literal["train", "tune"],
    cell: str,
    model: nn.Module,
    corpus: Corpus,
    config: Train,
    *,
    seed: int,
    inputs: Any,
    about: Mapping[str, Any],
    root: Path,
    world: World = World(),  # noqa: B008 - frozen
) -> Iterator[Trained]:
    """Train `model` in place, and hold its saved state until the body has written what is to be kept.

    **Arguments:** `cell`: its name in that stage, such as `mamba-0`; `inputs`: JSON of all that decides the bits
    of the weights, which names the saved state; `about`: what else its journal says of it first: `model`, and
    `trial` for one of several; `root`: the tree whose outs the cell writes; `world`: the processes that train it
    together, of which the first alone saves and reports.
    **Raises:** `UserError` when training diverges, another process trains this cell, or its state cannot be
    written; `Interrupted` when a signal asked it to stop.
    """
    made_with = [inputs, {package: version(package) for package in COMPUTING_PACKAGES}]
    if root.resolve() != main_root() and (experiment := os.environ.get("DVC_EXP_NAME")):
        made_with.append(experiment)  # it runs in a copy, beside others that may train this very cell
    states = main_root() / ".resume"
    resume = ResumeState(states / f"{stage}-{cell}-{sha256_json(made_with)[:16]}", made_with)
    locks = (root.resolve() / f".resume/{stage}-{cell}.lock", states / f"{resume.directory.name}.lock")
    name = cell if stage == "train" else f"{stage}-{cell}"
    size = {"steps": config.steps, "tokens_per_step": config.tokens_per_step}
    header = {"stage": stage, "cell": cell, **about, "seed": seed, **size}
    progress = Progress(name, steps=config.steps, tokens_per_step=config.tokens_per_step, shown=world.first)
    try:
        with (
            cell_lock(name, *locks if world.first else ()),
            stop_signals() as stop_signal,
            closing(progress),
            _journal(header, world) as journal,
        ):
            history = train(
                model,
                corpus,
                config,
                seed=seed,
                resume=resume,
                on_step=progress.update,
                stop_signal=stop_signal,
                world=world,
                journal=journal,
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


@contextmanager
def _journal(header: Mapping[str, Any], world: World) -> Iterator[Journal]:
    """Give the journal of a training, which says at the end how it went; the first process alone writes one."""
    steps, tokens_per_step = header["steps"], header["tokens_per_step"]
    with closing(new_journal(main_root(), header) if world.first else Journal()) as journal:
        try:
            yield journal
            journal.end("finished", steps)
        except Interrupted as stop:
            journal.end("interrupted", stop.step)
            raise
        except DivergenceError as error:
            journal.points(error.step, error.step * tokens_per_step, error.counts)
            journal.end("diverged", error.step)
            raise
        except BaseException:
            journal.end("failed")
            raise
