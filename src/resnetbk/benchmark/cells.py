"""How long a training step of every model of the run takes, at the level and on the batches of its cells."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from resnetbk.benchmark.level_process import LevelProcess
from resnetbk.benchmark.paired import spread
from resnetbk.benchmark.record import measured_on
from resnetbk.comparison.records import Work
from resnetbk.comparison.timings import timing_key
from resnetbk.params import Params

ROUNDS = 41


def time_cells(params: Params, *, vocabulary_size: int, tokens: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """Time one step (forward, backward, clipping, AdamW) over one batch, all models by turns in one process.

    **Arguments:** `params`: of the run; `vocabulary_size`, `tokens`: of its corpus, the latter the SHA-256 of the
    training split; `rounds`: how often each model takes a step.
    **Returns:** the content of metrics/benchmark_cells.json: for each model its seconds, their quartiles and the
    key by which a comparison knows its own cells; and what they were measured on.
    **Raises:** `RuntimeError` when the process that takes the steps fails.
    """
    run, train = params.run, params.train
    configs = {name: params.models[name].model_dump() for name in run.models}
    described = {
        "models": configs,
        "vocabulary_size": vocabulary_size,
        "parameter_budget": run.parameter_budget,
        "batch": train.batch_size,
        "length": train.length,
    }
    threads = len(os.sched_getaffinity(0)) if run.determinism == "fast" else 1
    seconds: dict[str, list[float]] = {name: [] for name in run.models}
    with LevelProcess(run.determinism, threads, described) as process:
        for _ in range(rounds):
            for name, taken in seconds.items():
                taken.append(process.seconds("step", name))
    work = Work.model_validate(train.model_dump())
    return {
        "models": {
            name: {
                "key": timing_key(configs[name], work, run.parameter_budget, run.determinism, run.kernels, tokens),
                **_named(taken),
            }
            for name, taken in seconds.items()
        },
        "threads": threads,
        "environment": measured_on("python", "torch"),
    }


def _named(seconds: list[float]) -> dict[str, Any]:
    measured = asdict(spread(seconds))
    return {"seconds": measured.pop("median"), **measured}
