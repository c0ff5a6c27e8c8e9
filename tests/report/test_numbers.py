"""Numbers keep their sign, their digits and their size."""

from __future__ import annotations

import pytest

from resnetbk.report.numbers import MINUS, fixed, interval, percent, probability, signed


def test_formats():
    assert fixed(1234567.891, 1) == "1,234,567.9"
    assert signed(-0.25, 2) == f"{MINUS}0.25" and signed(0.25, 2) == "+0.25"
    assert interval(-1, 2, 1) == f"{MINUS}1.0 to +2.0"
    assert percent(0.95) == "95\N{NO-BREAK SPACE}%" and percent(0.025) == "2.5\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "< 0.0001"), (0.00009, "< 0.0001"), (0.0021, "0.0021"), (0.049, "0.049"), (0.5, "0.50"), (1.0, "1.00")],
)
def test_a_p_value_is_never_zero(value: float, text: str):
    assert probability(value) == text
