"""The cost of determinism is measured level by level, and the mode is afterwards what it was."""

from __future__ import annotations

import gc
import time

import pytest
import torch

from resnetbk.repro.flags import capture_flags
from resnetbk.repro.impact import benchmark_deterministic_impact
from resnetbk.repro.status import get_deterministic_status


def test_each_level_is_in_force_while_it_is_timed():
    before, seen = capture_flags(), []

    def work():
        seen.append(get_deterministic_status().level)

    impact = benchmark_deterministic_impact(work, repeats=3, warmup=1)
    assert seen == ["fast", "machine"] + ["fast", "machine"] * 3
    assert impact.ratios["fast"] == 1.0 and impact.repeats == 3
    assert set(impact.seconds) == {"fast", "machine"}
    assert "x of fast" in str(impact)
    assert capture_flags() == before and gc.isenabled()


def test_a_level_that_costs_three_times_as_much_shows():
    def work():
        time.sleep(0.03 if torch.are_deterministic_algorithms_enabled() else 0.01)

    impact = benchmark_deterministic_impact(work, repeats=5, warmup=0)
    lower, upper = impact.spreads["machine"]
    assert 1.5 < impact.ratios["machine"] < 6 and lower <= impact.ratios["machine"] <= upper
    assert impact.seconds["fast"] >= 0.01


def test_one_thread_for_all_unless_told_otherwise():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        for single in (True, False):
            work = lambda: seen.append(torch.get_num_threads())  # noqa: E731
            benchmark_deterministic_impact(work, repeats=1, warmup=0, single_thread=single)
        assert seen == [1, 1, 2, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("calls", [1, 2, 4])
def test_a_function_that_raises_leaves_the_mode_as_it_was(calls):
    before, left = capture_flags(), iter(range(calls - 1))

    def work():
        if next(left, None) is None:
            raise KeyError("work")

    with pytest.raises(KeyError):
        benchmark_deterministic_impact(work, repeats=3, warmup=1)
    assert capture_flags() == before and gc.isenabled()


@pytest.mark.parametrize(
    "wrong", [{"levels": ("fast",)}, {"levels": ("fast", "fast")}, {"repeats": 0}, {"warmup": -1}]
)
def test_arguments_out_of_range(wrong):
    with pytest.raises(ValueError, match="found"):
        benchmark_deterministic_impact(lambda: None, **wrong)
