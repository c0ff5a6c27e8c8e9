"""Seconds go to the phase in which they passed."""

import time

import pytest
import torch

from resnetbk.training.clock import StepClock


def test_phases_are_means_over_steps_and_begin_anew_when_read():
    clock = StepClock(torch.device("cpu"))
    for _ in range(2):
        time.sleep(0.1)  # between steps: nobody's
        clock.start()
        time.sleep(0.02)
        clock.lap("data")
        clock.lap("forward")
        time.sleep(0.01)
        clock.lap("data")
    found = clock.read(100)
    assert 0.03 <= found["time/data_seconds"] < 0.1 > found["time/forward_seconds"] >= 0
    total = found["time/data_seconds"] + found["time/forward_seconds"]
    assert found["time/tokens_per_second"] == pytest.approx(100 / total)
    assert found["memory/resident_bytes"] > 1e7
    assert "memory/cuda_bytes" not in found
    clock.start()
    clock.lap("backward")
    assert "time/data_seconds" not in clock.read(100)
