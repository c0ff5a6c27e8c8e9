"""A process in which a level of determinism is in force, and which takes training steps when it is told to.

A level must be set before torch is loaded, so that each needs a process of its own. Several of them wait side by
side, without work, while one takes a step: that is how levels are timed by turns.

Run as `python -m resnetbk.benchmark.level_process`, it reads lines of JSON from its standard input: a description
first, then orders. To each it answers with a line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from resnetbk.repro.levels import ONE_THREAD, Level, pin_environment

WARM_UP_STEPS = 2  # the first one loads kernels and makes AdamW's moments
SCRATCH = Path(".resnetbk")  # on the disk on which a training saves; git ignores it
HISTORY_ROWS = 100  # of a state that is saved; a row of the training's history has 150 bytes


class LevelProcess:
    """A process with some models at one level."""

    def __init__(self, level: Level, threads: int, described: dict[str, Any]) -> None:
        """Start it, and return once every model has warmed up.

        **Arguments:** `threads`: of torch and the BLAS libraries; `described`: `models` (name to configuration as
        a dict), `vocabulary_size`, `parameter_budget`, `batch` and `length`.
        **Raises:** `RuntimeError` when it fails; its words are on standard error.
        """
        self._level = level
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resnetbk.benchmark.level_process"],
            env={**os.environ, **dict.fromkeys(ONE_THREAD, str(threads))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self._ask({"level": level, "threads": threads, **described})
        except RuntimeError:
            self.close()
            raise

    def seconds(self, work: Literal["step", "save"], model: str) -> float:
        """Return the seconds of one training step, or of saving the resume state once."""
        return self._ask([work, model])

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, order: Any) -> Any:
        try:
            print(json.dumps(order), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"the process that times {self._level!r} failed at {order}; its words stand above")
        return json.loads(answer)


def _works(described: dict[str, Any], folder: Path) -> dict[tuple[str, str], Callable[[], None]]:
    """Return each kind of work with each model, warmed up."""
    import torch
    from pydantic import TypeAdapter

    from resnetbk.models.registry import build_model
    from resnetbk.params import models as params
    from resnetbk.repro.levels import enforce
    from resnetbk.training.optimiser import build_optimiser
    from resnetbk.training.resume import ResumeState

    torch.set_num_threads(described["threads"])
    enforce(described["level"])
    vocabulary = described["vocabulary_size"]
    draw = torch.Generator().manual_seed(0)
    rows_BL = torch.randint(vocabulary, (described["batch"], described["length"] + 1), generator=draw)
    tokens_BL, labels_BL = rows_BL[:, :-1].contiguous(), rows_BL[:, 1:].contiguous()
    row = {"step": 100, "tokens": 102400, "loss": 4.125, "learning_rate": 6e-3, "gradient_norm": 0.5}
    progress = {"step": 100, "history": [row] * HISTORY_ROWS}
    works: dict[tuple[str, str], Callable[[], None]] = {}
    for name, fields in described["models"].items():
        config = TypeAdapter(params.Model).validate_python(fields)
        model = build_model(config, vocabulary, described["parameter_budget"], seed=0).train()
        optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
        resume = ResumeState(folder / name)
        works["step", name] = partial(_step, model, optimiser, tokens_BL, labels_BL)
        works["save", name] = partial(resume.save, model, optimiser, progress)
        for _ in range(WARM_UP_STEPS):
            works["step", name]()
        works["save", name]()
    return works


def _step(model: Any, optimiser: Any, tokens_BL: Any, labels_BL: Any) -> None:
    """Take a step as the training does; the optimiser's rate is 0, so that each starts from the same weights."""
    import torch

    from resnetbk.training.loss import next_token_loss

    optimiser.zero_grad(set_to_none=True)
    (next_token_loss(model(tokens_BL), labels_BL) + model.auxiliary_loss()).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()


def _main() -> None:
    described = json.loads(sys.stdin.readline())
    if described["level"] != "fast":
        pin_environment(described["level"])
    SCRATCH.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
        works = _works(described, Path(folder))
        print("true", flush=True)
        for line in sys.stdin:
            kind, name = json.loads(line)
            start = time.perf_counter()
            works[kind, name]()
            print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    _main()
