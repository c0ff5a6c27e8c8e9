"""Warm-up, then half a cosine."""

from __future__ import annotations

import pytest

from resnetbk.training.schedule import learning_rate

SCHEDULE = {"peak": 1e-3, "minimum": 1e-4, "warmup_steps": 10, "steps": 110}


def test_it_rises_to_the_peak_and_falls_to_the_minimum():
    rates = [learning_rate(step, **SCHEDULE) for step in range(110)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == rates[10] == max(rates) == 1e-3
    assert rates[-1] == min(rates[10:]) == 1e-4
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_no_warm_up_starts_at_the_peak():
    assert learning_rate(0, peak=1.0, minimum=0.0, warmup_steps=0, steps=1) == 1.0
