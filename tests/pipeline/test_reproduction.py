"""Which cells are asked to run: those that DVC names, and all that may depend on them."""

from __future__ import annotations

from resnetbk.pipeline.reproduction import to_run

GROUPS = [
    [("prepare",)],
    [("audit@a",), ("audit@b",)],
    [("train@a-0", "evaluate@a-0"), ("train@b-0", "evaluate@b-0")],
]


def test_a_change_at_the_end_starts_no_cell():
    assert list(to_run(GROUPS, {"plot", "track"})) == [[], [], []]


def test_a_change_of_one_cell_starts_that_cell_alone():
    assert list(to_run(GROUPS, {"evaluate@b-0"})) == [[], [], [("train@b-0", "evaluate@b-0")]]


def test_a_change_further_up_starts_all_that_may_depend_on_it():
    assert list(to_run(GROUPS, {"audit@a"})) == [[], [("audit@a",)], GROUPS[2]]
    assert list(to_run(GROUPS, {"prepare"})) == GROUPS
