"""What tracking costs a training, and how many points a second its journal takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from resnetbk.benchmark.paired import interleaved, spread
from resnetbk.benchmark.record import measured_on
from resnetbk.benchmark.settings import Target
from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model
from resnetbk.params import Params
from resnetbk.params.training import Train
from resnetbk.tracking.journals import read_journal
from resnetbk.training.clock import StepClock
from resnetbk.training.curves import curves
from resnetbk.training.journal import Journal
from resnetbk.training.measures import Measures
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.step import optimiser_step

TARGETS: dict[str, Target] = {
    "training_with_tracking_vs_without": Target("at most", 1.01),
    "journal_points_per_second": Target("at least", 10_000),
}
ROUNDS = 31
WARM_UP_STEPS = 2
LINES = 5_000
POINTS = 20  # of a line, about as many as a training writes


def run_tracking_benchmark(
    params: Params,
    *,
    root: Path,
    rounds: int = ROUNDS,
    lines: int = LINES,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure both, on an otherwise idle machine, at the level of determinism that is in force.

    **Arguments:** `params`: of the run, whose models, batches and log_interval are taken; `root`: the repository,
    with its corpus, on whose disk the journals are; `rounds`: of log_interval steps of either kind;
    `lines`: of the journal that is timed.
    **Returns:** a dict for JSON: `steps`, for each model the seconds of a round with tracking and without, of a
    logged step, and the ratio of the first two; `journal`; and what they were measured on.
    """
    corpus = Corpus.open(root / "data/corpus")
    scratch = root / ".resnetbk"
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        steps = {}
        for name in params.run.models:
            say(f"training steps of {name} ...")
            steps[name] = _steps(params, name, corpus, Path(folder), rounds)
        say("the journal ...")
        journal = _journal(Path(folder), lines)
    return {
        "steps": steps,
        "journal": journal,
        "settings": {
            "determinism": params.run.determinism,
            "threads": torch.get_num_threads(),
            "parameter_budget": params.run.parameter_budget,
            "train": params.train.model_dump(),
        },
        "environment": measured_on("python", "torch"),
    }


def tracking_figures(details: dict[str, Any]) -> dict[str, Any]:
    """Return the ratio of a training's time with and without tracking, by model, and the journal's rate."""
    return {
        "training_with_tracking_vs_without": {
            name: taken["ratio"]["median"] for name, taken in details["steps"].items()
        },
        "journal_points_per_second": details["journal"]["points_per_second"],
    }


def _steps(params: Params, name: str, corpus: Corpus, folder: Path, rounds: int) -> dict[str, Any]:
    """Time steps with tracking and without by turns, and compare as many as stand between two logs."""
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed=0).train()
    # Its rate stays 0: AdamW does all of its arithmetic, and every step starts from the same weights.
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    config = params.train
    split = corpus.split("train")

    def plain() -> None:
        optimiser_step(model, optimiser, split, config, step=0, seed=0)

    with closing(Journal(folder / f"{name}.jsonl")) as journal:
        journal.begin(0)
        tracked = _tracked(model, optimiser, corpus, config, journal)
        interleaved([plain, lambda: tracked(logged=True)], WARM_UP_STEPS)
        logged = cycle([True, *[False] * (config.log_interval - 1)])
        taken = np.array(interleaved([lambda: tracked(logged=next(logged)), plain], rounds * config.log_interval))
    steps = taken.reshape(2, rounds, config.log_interval)
    with_tracking, without = steps.sum(2)
    return {
        "ratio": asdict(spread((with_tracking / without).tolist())),
        "with_seconds": asdict(spread(with_tracking.tolist())),
        "without_seconds": asdict(spread(without.tolist())),
        "logged_step_seconds": asdict(spread(steps[0, :, 0].tolist())),
    }


def _tracked(
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    corpus: Corpus,
    config: Train,
    journal: Journal,
) -> Callable[..., None]:
    """Return a step with all that the training loop does to track it."""
    split = corpus.split("train")
    clock = StepClock(next(model.parameters()).device)

    def step(*, logged: bool) -> None:
        measures = Measures(model) if logged else None
        clock.start()
        loss, norm = optimiser_step(
            model, optimiser, split, config, step=0, seed=0, measures=measures, lap=clock.lap
        )
        if measures:
            row = {"step": 1, "tokens": 1, "loss": loss, "learning_rate": 0.0, "gradient_norm": norm}
            metrics = curves(row | measures.values, corpus.card)
            journal.points(1, 1, metrics | clock.read(config.tokens_per_step))

    return step


def _journal(folder: Path, lines: int) -> dict[str, Any]:
    """Time a journal from the first point to the last one's arrival on the disk, and read it back."""
    path = folder / "points.jsonl"
    metrics = {f"train/metric_{number}": 1 / (number + 3) for number in range(POINTS)}
    with closing(Journal(path)) as journal:
        start = time.perf_counter()
        for step in range(lines):
            journal.points(step, step, metrics)
        told = time.perf_counter()
    ended = time.perf_counter()
    records, _ = read_journal(path)
    arrived = sum(len(record["metrics"]) for record in records)
    assert arrived == lines * POINTS, f"{lines * POINTS} points were told, {arrived} arrived"
    return {
        "points": arrived,
        "points_per_second": arrived / (ended - start),
        "points_told_per_second": arrived / (told - start),
    }
