"""The clock: who runs when, what is taken from the times, and which way a ratio points."""

import gc

import pytest
import torch

from resnetbk.benchmark.paired import interleaved, paired_ratio, spread, threads


class Clock:
    """Stands still but for what sleeps by it."""

    def __init__(self):
        self.seconds = 0.0

    def perf_counter(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("resnetbk.benchmark.paired.time", clock)
    return clock


def test_works_take_turns():
    order = []
    taken = interleaved([lambda: order.append("a"), lambda: order.append("b")], 3)
    assert order == ["a", "b", "a", "b", "a", "b"]
    assert [len(times) for times in taken] == [3, 3]


def test_a_slower_numerator_gives_a_ratio_above_one_and_a_faster_one_below(clock):
    def slow():
        clock.sleep(0.02)

    def fast():
        clock.sleep(0.002)

    ratio = paired_ratio(slow, fast, 3)
    assert ratio.ratio.median > 2
    assert ratio.numerator_seconds.median > ratio.denominator_seconds.median
    assert paired_ratio(fast, slow, 3).ratio.median < 0.5


def test_the_ratio_is_the_median_of_neighbours_and_not_of_all(clock):
    waits = iter([0.001, 0.001, 0.03, 0.03, 0.001, 0.001])  # a slow moment that meets both sides alike

    def work():
        clock.sleep(next(waits))

    measured = paired_ratio(work, work, 3)
    assert 0.3 < measured.ratio.lower_quartile and measured.ratio.upper_quartile < 3
    assert measured.numerator_seconds.upper_quartile > 5 * measured.numerator_seconds.lower_quartile


def test_the_spread_is_median_and_quartiles():
    measured = spread([5.0, 1.0, 4.0, 2.0, 100.0])
    assert (measured.lower_quartile, measured.median, measured.upper_quartile, measured.repeats) == (2, 4, 5, 5)
    assert spread([3.0]).upper_quartile == 3


def test_garbage_is_not_collected_while_the_clock_runs():
    seen = []
    interleaved([lambda: seen.append(gc.isenabled())], 1)
    assert seen == [False]
    assert gc.isenabled()


def test_threads_are_set_and_set_back_even_after_an_error():
    assert torch.get_num_threads() == 1
    with pytest.raises(ZeroDivisionError), threads(2):
        assert torch.get_num_threads() == 2
        _ = 1 / 0
    assert torch.get_num_threads() == 1
