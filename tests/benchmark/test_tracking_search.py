"""The calls of MLflow's pages, timed on a handful of runs; the real thousand are `make benchmark`'s."""

import pytest

from resnetbk.benchmark.record import compare_with_targets
from resnetbk.benchmark.tracking_search import TARGETS, SearchSettings, run_search_benchmark, search_figures
from resnetbk.tracking.run import Point, TrackedRun


def test_every_figure_has_a_target_and_one_that_is_missed_is_said():
    lines = compare_with_targets({name: 0.1 for name in TARGETS} | {"open_seconds": 1.5}, TARGETS)
    assert [line.startswith("MISSED: open_seconds 1.5") for line in lines] == [True, False, False, False]


@pytest.mark.nightly
def test_a_real_server_answers_with_a_page_of_runs():
    points = [Point("test/loss", 3.5), Point("validation/loss", 3.5, 10), Point("validation/loss", 3.6, 5)]
    pattern = [TrackedRun(f"mamba-{n}", "", {"model": "mamba"}, {"train.steps": "480"}, points) for n in range(2)]
    found = run_search_benchmark(pattern, SearchSettings(runs=6, rounds=2, page=4))
    assert {f"{name}_seconds" for name in found["seconds"]} == TARGETS.keys() == search_figures(found).keys()
    assert all(taken["repeats"] == 2 for taken in found["seconds"].values())
    assert found["bytes"]["next_page"] < found["bytes"]["open"], "the last two of six runs"
