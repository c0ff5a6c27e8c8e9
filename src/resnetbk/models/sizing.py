"""The shape of a model from its parameter budget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from resnetbk.errors import UserError

TOLERANCE = 0.01  # of the budget: farther than this is an error
CLOSE = 0.004  # of the budget: nearer than this, natural proportions count for more than the last parameter
NEIGHBOURS = 8  # widths tried on either side of the one that meets the budget in natural proportions


class Shape(NamedTuple):
    """A width, the family's second dimension, and how far that is from the family's natural proportions."""

    width: int
    inner: int
    deviation: float


def fit(
    shapes: Callable[[int], Sequence[Shape]],
    count: Callable[[Shape], int],
    *,
    step: int,
    budget: int,
    vocabulary_size: int,
    family: str,
) -> Shape:
    """Find the shape whose number of parameters meets the budget.

    Of the shapes within 0.4 % of the budget it takes the one of the most natural proportions, else the
    nearest to the budget: models sized apart then agree with each other within 1 %, too.

    **Arguments:**
    - `shapes`: the shapes to consider at a width, the most natural first.
    - `count`: the parameters of a shape; grows with the width.
    - `step`: widths are its multiples.
    - `budget`: parameters wanted, embeddings included.
    - `vocabulary_size`, `family`: for the error.

    **Returns:** the shape.
    **Raises:** `UserError` when none is within 1 % of the budget; it names the nearest on either side.
    """
    largest = 1
    while count(shapes(largest * step)[0]) < budget:
        largest *= 2
    natural = bisect_left(range(largest), budget, key=lambda n: count(shapes((n + 1) * step)[0])) + 1
    widths = range(max(1, natural - NEIGHBOURS), natural + NEIGHBOURS + 1)
    sized = [(count(shape), shape) for n in widths for shape in shapes(n * step)]
    misses = [(abs(n - budget), shape) for n, shape in sized]
    close = [(shape.deviation, miss, shape) for miss, shape in misses if miss <= CLOSE * budget]
    if close:
        return min(close)[-1]
    miss, shape = min(misses)
    if miss <= TOLERANCE * budget:
        return shape
    below = max((n for n, _ in sized if n < budget), default=None)
    above = min((n for n, _ in sized if n > budget), default=None)
    possible = " and ".join(f"{n:,}" for n in (below, above) if n is not None)
    raise UserError(
        f"a {family} model cannot be sized to parameter_budget = {budget:,} with a vocabulary of "
        f"{vocabulary_size:,}: expected a shape within 1 %, the nearest "
        f"{'are' if ' and ' in possible else 'is'} {possible}; choose one of these budgets, a smaller "
        "vocabulary, or other layers or heads in models"
    )


def even(value: float) -> int:
    """Return the nearest even number, at least 2."""
    return max(2, 2 * round(value / 2))
