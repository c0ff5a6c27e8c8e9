"""The cost of tracking: steps and a journal really taken, at sizes that take a moment."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from tests.training.small_cell import make_root, small_params

from resnetbk.benchmark.record import compare_with_targets
from resnetbk.benchmark.tracking import POINTS, TARGETS, run_tracking_benchmark, tracking_figures

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def details(tmp_path_factory: pytest.TempPathFactory) -> dict:
    root = make_root(tmp_path_factory.mktemp("benchmark"))
    params = small_params(log_interval=4)
    params = params.model_copy(update={"run": params.run.model_copy(update={"models": ["transformer"]})})
    details = run_tracking_benchmark(params, root=root, rounds=3, lines=50)
    assert list((root / ".resnetbk").iterdir()) == []
    return details


def test_everything_that_has_a_target_is_measured(details: dict):
    figures = tracking_figures(details)
    assert figures.keys() == TARGETS.keys()
    taken = details["steps"]["transformer"]
    assert taken["ratio"]["repeats"] == taken["logged_step_seconds"]["repeats"] == 3
    assert taken["logged_step_seconds"]["median"] > 0
    assert details["journal"]["points"] == 50 * POINTS


def test_a_figure_that_is_missed_is_reported_as_missed(details: dict):
    figures = copy.deepcopy(tracking_figures(details))
    figures["training_with_tracking_vs_without"] = {"fast": 1.009, "slow": 1.011}
    figures["journal_points_per_second"] = 9_999
    lines = compare_with_targets(figures, TARGETS)
    assert [line.split(":")[0] for line in lines] == ["reached", "MISSED", "MISSED"]


def test_make_benchmark_runs_it():
    described = yaml.safe_load((ROOT / "benchmark/dvc.yaml").read_text())
    assert described["stages"]["benchmark_tracking"]["cmd"] == "python -m stages.benchmark_tracking"
    assert "../metrics/benchmark_tracking.json" in described["metrics"]
    assert "benchmark/dvc.yaml:benchmark_tracking" in (ROOT / "Makefile").read_text()
