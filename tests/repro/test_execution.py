"""Bit for bit, and when not: which output, which element, and by how much."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from resnetbk.repro.execution import NotDeterministicError, verify_deterministic_execution


def in_turn(*results: Any) -> Callable[[], Any]:
    """Return a function that gives another result at each call."""
    calls = count()
    return lambda: results[next(calls)]


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass
class Outcome:
    loss: Any
    steps: int


def test_what_is_drawn_from_global_generators_is_identical():
    def draw() -> dict:
        return {"a": torch.randn(3), "b": [np.random.rand(), (random.random(),)], "c": Pair(1, "x"), "d": None}

    check = verify_deterministic_execution(draw, runs=3)
    assert check.identical
    assert str(check) == "identical: 3 runs, 6 outputs, bit for bit"
    assert verify_deterministic_execution(draw, seed=1).identical


def test_a_generator_of_its_own_that_nobody_seeded_is_found():
    check = verify_deterministic_execution(lambda: {"x": np.random.default_rng().normal(size=4)})
    assert not check.identical
    assert check.difference.path == "['x'][0]"
    assert check.difference.differing == 4


def test_the_first_difference_is_named_with_its_place_and_its_distance():
    one = torch.arange(12.0).reshape(3, 4)
    other = one.clone()
    other[1, 2] = torch.nextafter(one[1, 2], torch.tensor(99.0))
    other[2, 2] += 1
    check = verify_deterministic_execution(in_turn({"n": 1, "loss": [one]}, {"n": 1, "loss": [other]}))
    found = check.difference
    assert (found.path, found.units, found.most_units, found.differing, found.size) == (
        "['loss'][0][1, 2]",
        1,
        2**20,
        2,
        12,
    )
    assert str(check) == (
        "different: ['loss'][0][1, 2]: 6.0 in run 1, 6.000000476837158 in run 2: 1 unit in the last place apart "
        "(2 of 12 elements of this output differ, the farthest by 1048576)"
    )


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (0.0, -0.0, "the result: 0.0 in run 1, -0.0 in run 2: 1 unit in the last place apart"),
        (1.0, 1, "the result: the type is float in run 1, int in run 2"),
        (np.float32(1), np.float64(1), "the result: the type is float32 in run 1, float64 in run 2"),
        (torch.zeros(2, 1), torch.zeros(1, 2), "the result: the shape is (2, 1) in run 1, (1, 2) in run 2"),
        ([1, 2], [1], "[1]: there is int in run 1, nothing in run 2"),
        ({"a": 1}, {"a": 1, "b": 2.5}, "['b']: there is nothing in run 1, float in run 2"),
        ({"a": []}, {"a": [1]}, "['a']: there is list in run 1, nothing in run 2"),
        (Pair(1, "x"), Pair(1, "y"), ".b: 'x' in run 1, 'y' in run 2"),
        (Outcome(True, 2), Outcome(False, 2), ".loss: True in run 1, False in run 2"),
        (10**30, 10**30 + 1, f"the result: {10**30} in run 1, {10**30 + 1} in run 2"),
        (float("nan"), 1.0, "the result: nan in run 1, 1.0 in run 2"),
        (
            1j,
            1 + 1j,
            "the result: 1j in run 1, (1+1j) in run 2: 4607182418800017408 units in the last place apart",
        ),
    ],
)
def test_differences_of_every_kind(one: Any, other: Any, told: str):
    assert str(verify_deterministic_execution(in_turn(one, other)).difference) == told


def test_nan_equals_nan_of_the_same_bits_and_no_other():
    def nan(bits: int) -> np.ndarray:
        return np.array([bits], np.uint32).view(np.float32)

    assert verify_deterministic_execution(in_turn(nan(0x7FC00000), nan(0x7FC00000))).identical
    other = verify_deterministic_execution(in_turn(nan(0x7FC00000), nan(0x7FC00001)))
    assert other.difference.units is None and not other.identical


@pytest.mark.parametrize(
    "dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.float8_e4m3fn]
)
def test_a_unit_in_the_last_place_is_that_of_the_format(dtype: torch.dtype):
    one = torch.tensor([1.0, -2.0]).to(dtype)
    integers = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[one.element_size()]
    other = (one.view(integers) + torch.tensor([0, 3], dtype=integers)).view(dtype)
    found = verify_deterministic_execution(in_turn(one, other)).difference
    assert (found.path, found.units, found.first) == ("[1]", 3, -2.0)


def test_a_result_that_the_next_run_overwrites_is_still_compared():
    kept = np.zeros(1)

    def again() -> np.ndarray:
        kept[0] += 1
        return kept

    assert not verify_deterministic_execution(again).identical


def test_a_model_that_each_run_trains_starts_from_the_same_weights():
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 2)
    optimiser = torch.optim.AdamW(model.parameters())
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def step(model: torch.nn.Module, optimiser: torch.optim.Optimizer, *, scale: float) -> torch.nn.Module:
        model(scale * torch.randn(3, 4)).square().sum().backward()
        optimiser.step()
        return model

    check = verify_deterministic_execution(step, model, optimiser, scale=2.0)
    assert check.identical and check.outputs == 2
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_callers_generators_are_left_alone():
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    verify_deterministic_execution(lambda: torch.rand(3))
    assert torch.equal(torch.rand(1), expected)


def test_it_raises_when_asked_to():
    with pytest.raises(NotDeterministicError, match=r"different: the result: 1 in run 1, 2 in run 3"):
        verify_deterministic_execution(in_turn(1, 1, 2), runs=3, raise_on_difference=True)
    assert verify_deterministic_execution(lambda: 1, raise_on_difference=True).identical


def test_what_cannot_be_compared_or_copied_is_said():
    with pytest.raises(ValueError, match="runs is at least 2"):
        verify_deterministic_execution(lambda: 1, runs=1)
    with pytest.raises(TypeError, match=r"\['a'\] is a object: return tensors"):
        verify_deterministic_execution(lambda: {"a": object()})
    with pytest.raises(TypeError, match=r"the result: expected a dense tensor"):
        verify_deterministic_execution(lambda: torch.eye(2).to_sparse())
    with pytest.raises(TypeError, match=r"cannot be copied for each run .*make them inside fn"):
        verify_deterministic_execution(lambda rows: list(rows), (row for row in range(3)))
