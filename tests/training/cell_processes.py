"""What the processes of test_interruption, test_cell_lock and test_storage do: train the small cell, disturbed.

They are here and not in the tests, so that a forked process has them already and need not import a test.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from tests.training.small_cell import make_corpus, train_small
from torch import nn

from resnetbk.errors import UserError
from resnetbk.training import cell, loop, resumable
from resnetbk.training.cell_lock import cell_lock
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.resume import ResumeState

NEW_NAMESPACES = 0x10000000 | 0x00020000  # of users and of mounts: what is mounted is seen by this process alone
READ_ONLY = 1  # MS_RDONLY
NOT_ALLOWED = 77  # exit code of a process that may not mount anything


def work(root: Path, steps: int, interval: int, learning_rate: float = 1e-2) -> None:
    """Train as a stage does, whose `UserError` becomes one line."""
    try:
        train_small(root, steps=steps, checkpoint_interval=interval, learning_rate=learning_rate)
    except UserError as error:
        raise SystemExit(f"ERROR: {error}") from None


def work_slowly(root: Path) -> None:
    """Train with steps of ten seconds; the file `begun` tells that the first has begun."""
    take_step = loop.optimiser_step

    def slow(*arguments, **options):
        (root / "begun").touch()
        for _ in range(1000):
            time.sleep(0.01)
        return take_step(*arguments, **options)

    loop.optimiser_step = slow
    work(root, 3, 1)


def work_and_write_slowly(root: Path) -> None:
    """Train two steps, then take a second over the outs."""
    write = cell.save_weights

    def slow(*arguments):
        (root / "begun").touch()
        time.sleep(1)
        write(*arguments)

    cell.save_weights = slow
    work(root, 2, 1)


def work_in_a_thread(root: Path) -> None:
    thread = threading.Thread(target=work, args=(root, 2, 1))
    thread.start()
    thread.join()


def work_deaf(root: Path, steps: int, interval: int) -> None:
    """Train without listening to signals."""
    resumable.stop_signals = lambda: nullcontext(lambda: 0)
    work(root, steps, interval)


def work_without_lock(root: Path, steps: int, interval: int) -> None:
    resumable.cell_lock = lambda *arguments: cell_lock("nothing")
    work(root, steps, interval)


def mount(folder: Path, *, flags: int = 0, options: bytes = b"size=64k") -> None:
    """Mount an empty file system in memory on a folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    folder.mkdir(exist_ok=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEW_NAMESPACES):
        os._exit(NOT_ALLOWED)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(text)
    if libc.mount(b"none", os.fsencode(folder), b"tmpfs", flags, options):
        os._exit(NOT_ALLOWED)


def limit_files(folder: Path) -> None:
    """Forbid files of more than 64 KiB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))


def save_small_then_large(folder: Path, limit: Callable[[Path], None]) -> None:
    """Save a state that fits and one that does not."""
    limit(folder)
    resume = ResumeState(folder / "state")
    try:
        for width in (8, 800):
            model = nn.Linear(width, 8)
            optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
            model(torch.ones(1, width)).sum().backward()
            optimiser.step()
            resume.save(model, optimiser, {"step": width})
    except UserError as error:
        kept = [path.name for path in resume.directory.iterdir()], resume.load(nn.Linear(8, 8), optimiser)
        raise SystemExit(f"ERROR: {error} | {kept}") from None


def work_on_a_full_disk(root: Path) -> None:
    mount(root / ".resume")
    work(root, 3, 1)


def work_in_a_read_only_folder(root: Path) -> None:
    mount(root / ".resume", flags=READ_ONLY)
    work(root, 3, 1)


def work_where_outs_do_not_fit(root: Path) -> None:
    mount(root / "models", options=b"size=8k")
    work(root, 3, 1)


class Stopped(Exception):
    pass


def stop_after_two_of_three(root: Path, change: str = "") -> None:
    """Train two steps of three, or what is left of them, with one input of the training changed."""
    done: list[int] = []

    class Noted(resumable.Progress):
        def update(self, step: int, loss: float) -> None:
            done.append(step)

    def stop(*arguments):
        if done == [1, 2]:
            raise Stopped

    resumable.Progress = Noted
    take_step = loop.optimiser_step
    loop.optimiser_step = lambda *arguments, **options: stop() or take_step(*arguments, **options)
    if change == "code":
        sources = cell.imported_sources
        cell.imported_sources = lambda *arguments: sources(*arguments) | {"src/resnetbk/errors.py": "0" * 64}
    elif change == "packages":
        resumable.version = lambda package: "0.0"
    elif change == "data":
        shutil.rmtree(root / "data/corpus")
        make_corpus(root, first_seed=10)
    try:
        train_small(root, learning_rate=2e-2 if change == "params" else 1e-2)
    except Stopped:
        return
    print("steps done:", done, file=sys.stderr)
