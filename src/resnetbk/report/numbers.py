"""Numbers as a reader wants them: so many decimals, a true minus sign, thousands apart."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"  # stands where a table has no value


def percent(value: float) -> str:
    """Return a fraction as a percentage without needless digits."""
    return f"{100 * value:g}\N{NO-BREAK SPACE}%"


def fixed(value: float, decimals: int) -> str:
    """Return a number with so many decimals and its thousands apart."""
    return f"{value:,.{decimals}f}".replace("-", MINUS)


def signed(value: float, decimals: int) -> str:
    """Return a difference with its sign and so many decimals."""
    return f"{value:+,.{decimals}f}".replace("-", MINUS)


def interval(low: float, high: float, decimals: int) -> str:
    """Return a confidence interval of a difference."""
    return f"{signed(low, decimals)} to {signed(high, decimals)}"


def probability(value: float) -> str:
    """Return a p-value with the digits that matter; it is never zero: below 0.0001 it is `< 0.0001`."""
    if value < 0.0001:
        return "< 0.0001"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
