"""Times of the run's cells: really measured, under a key that a comparison finds them by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.models.model_configs import transformer

from resnetbk.benchmark.cells import time_cells
from resnetbk.comparison.records import Work
from resnetbk.comparison.timings import Timings, timing_key
from resnetbk.params import load_params

ROOT = Path(__file__).parents[2]


@pytest.mark.nightly
def test_every_model_of_the_run_is_timed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params = load_params(ROOT / "params.yaml")
    models = {"small": transformer(layers=1), "other": transformer(layers=2)}
    run = params.run.model_copy(update={"models": list(models), "parameter_budget": 20_000})
    train = params.train.model_copy(update={"batch_size": 2, "length": 16})
    params = params.model_copy(update={"models": models, "run": run, "train": train})
    made = time_cells(params, vocabulary_size=64, tokens="a" * 64, rounds=3)
    assert made == json.loads(json.dumps(made, allow_nan=False))
    assert made["threads"] == 1
    timings = Timings.model_validate(made).models
    assert list(timings) == list(models)
    for name, timing in timings.items():
        assert 0 < timing.lower_quartile <= timing.seconds <= timing.upper_quartile
        work = Work(batch_size=2, length=16, accumulation=train.accumulation)
        key = timing_key(models[name].model_dump(), work, 20_000, "portable", "auto", "a" * 64)
        assert (timing.key, timing.repeats) == (key, 3)
