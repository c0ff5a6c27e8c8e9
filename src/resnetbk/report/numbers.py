"""Numbers as a reader wants them: so many decimals, a true minus sign, thousands apart."""

from __future__ import annotations


def fixed(value: float | None, decimals: int) -> str:
    """Return a number with so many decimals and its thousands apart; a dash where there is none."""
    return "–" if value is None else _minus(f"{value:,.{decimals}f}")


def signed(value: float | None, decimals: int) -> str:
    """Return a difference with its sign, so many decimals; a dash where there is none."""
    return "–" if value is None else _minus(f"{value:+,.{decimals}f}")


def interval(low: float | None, high: float | None, decimals: int) -> str:
    """Return a confidence interval of differences; a dash where there is none."""
    if low is None or high is None:
        return "–"
    return f"{signed(low, decimals)} to {signed(high, decimals)}"


def probability(value: float | None) -> str:
    """Return a p-value to two significant digits, never as zero: below 0.0001 it is `< 0.0001`."""
    if value is None:
        return "–"
    if value < 0.0001:
        return "< 0.0001"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
