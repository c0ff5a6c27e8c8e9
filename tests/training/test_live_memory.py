"""Memory is counted to the byte: views once, what was freed no more, the peak and not the end."""

from __future__ import annotations

import gc

import pytest
import torch

from resnetbk.training.live_memory import LiveMemory

KILO = 1024  # bytes of 256 float32


def kilos(number: int) -> torch.Tensor:
    return torch.zeros(256 * number)


def test_the_peak_is_what_is_held_at_once():
    with LiveMemory([]) as memory:
        a = kilos(3)
        b = kilos(2)
        del a
        c = kilos(4)
        del b, c
        kilos(5)
    assert memory.peak == 6 * KILO


def test_a_view_costs_nothing_and_keeps_its_storage():
    with LiveMemory([]) as memory:
        row = kilos(4).view(4, 256)[1]
        kilos(1)
    assert (memory.peak, row.nbytes) == (5 * KILO, KILO)


def test_what_was_there_counts_from_the_start_and_once():
    present = kilos(2)
    with LiveMemory([present, present[:5]]) as memory:
        present.add_(1)
        torch.split(kilos(1), 64)
    assert memory.peak == 3 * KILO


@pytest.mark.parametrize(("recorded", "kilobytes"), [(True, 11), (False, 2)])
def test_a_graph_holds_what_its_adjoint_needs(recorded, kilobytes):
    x = kilos(1).requires_grad_(recorded)
    with LiveMemory([x]) as memory:
        for _ in range(10):
            x = x.exp()
    assert memory.peak == kilobytes * KILO


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_rests_and_is_left_as_it_was(collecting):
    (gc.enable if collecting else gc.disable)()
    try:
        with LiveMemory([]):
            assert not gc.isenabled()
        assert gc.isenabled() == collecting
    finally:
        gc.enable()


def test_an_error_passes_and_leaves_the_collector_on():
    with pytest.raises(ZeroDivisionError), LiveMemory([]):
        1 / 0  # noqa: B018
    assert gc.isenabled()


@pytest.mark.parametrize(("runs", "kilobytes"), [(False, 5), (True, 3)])
def test_a_cycle_holds_its_tensor_whether_or_not_the_collector_was_about_to_run(runs, kilobytes):
    """The control: with the collector at work in the block the count would depend on when it runs."""
    with LiveMemory([]) as memory:
        cycle = [kilos(3)]
        cycle.append(cycle)
        del cycle
        if runs:
            gc.collect()
        kilos(2)
    assert memory.peak == kilobytes * KILO
