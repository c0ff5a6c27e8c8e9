"""Is a function deterministic? Run it several times from one seed and compare every bit that it returns."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from resnetbk.repro.leaves import Leaf, leaves
from resnetbk.repro.seeding import SeedContext
from resnetbk.repro.ulp import units_in_last_place


class NotDeterministicError(RuntimeError):
    """A function returned different bits from the same seed and arguments."""


@dataclass(frozen=True)
class Difference:
    """The first output that differs between two runs.

    `path` leads to the element, such as `['loss'][3]`. `reason` says what differs: the structure, the type, the
    shape or the value. Of an array, `differing` of `size` elements differ; between the two values of the element
    named lie `units` in the last place, in this output at most `most_units` (None of integers, texts and NaN).
    """

    path: str
    reason: str
    run: int
    first: Any = None
    second: Any = None
    units: int | None = None
    most_units: int | None = None
    differing: int = 0
    size: int = 0

    def __str__(self) -> str:
        where = self.path or "the result"
        if self.reason != "value":
            return f"{where}: {self.reason} {self.first} in run 1, {self.second} in run {self.run}"
        text = f"{where}: {self.first!r} in run 1, {self.second!r} in run {self.run}"
        if self.units is not None:
            text += f": {self.units} unit{'s' * (self.units != 1)} in the last place apart"
        if self.size > 1:
            most = "" if self.most_units is None else f", the farthest by {self.most_units}"
            text += f" ({self.differing} of {self.size} elements of this output differ{most})"
        return text


@dataclass(frozen=True)
class ExecutionCheck:
    """What `verify_deterministic_execution` found: `difference` is None where every run gave the same bits."""

    runs: int
    outputs: int
    difference: Difference | None

    @property
    def identical(self) -> bool:
        return self.difference is None

    def __str__(self) -> str:
        if self.difference is None:
            return f"identical: {self.runs} runs, {self.outputs} outputs, bit for bit"
        return f"different: {self.difference}"


def verify_deterministic_execution(
    fn: Callable[..., Any],
    *args: Any,
    runs: int = 2,
    seed: int = 0,
    raise_on_difference: bool = False,
    **kwargs: Any,
) -> ExecutionCheck:
    """Call a function several times from the same seed with the same arguments, and compare the results' bits.

    Each run gets a deep copy of the arguments, so that a model which a run trains starts from the same weights in
    the next. Generators and flags are afterwards as they were; determinism flags are those of the caller during
    the runs too. NaN equals NaN of the same bits; 0.0 does not equal -0.0. One process shows neither what another
    number of threads, nor what another machine or hash seed (PYTHONHASHSEED) would change.

    **Arguments:** `fn`: the function; `args`, `kwargs`: its arguments (for names that this function takes itself,
    wrap it in a lambda); `runs`: at least 2; `seed`: of all global generators before each run;
    `raise_on_difference`: raise rather than return a difference.
    **Returns:** a check with `.identical` and `.difference`, the first output that differs; its `str` tells.
    **Raises:** `NotDeterministicError` when asked to; `ValueError` for fewer than 2 runs; `TypeError` when the
    arguments cannot be copied, or the result holds what cannot be compared.
    """
    if runs < 2:
        raise ValueError(f"runs is at least 2: one run has nothing to be compared with; found {runs}")
    difference = None
    first = _outputs(fn, args, kwargs, seed)
    for run in range(2, runs + 1):
        difference = _first_difference(first, _outputs(fn, args, kwargs, seed), run)
        if difference is not None:
            break
    check = ExecutionCheck(runs, len(first), difference)
    if raise_on_difference and not check.identical:
        raise NotDeterministicError(str(check))
    return check


def _outputs(fn: Callable[..., Any], args: tuple, kwargs: dict[str, Any], seed: int) -> dict[str, Leaf]:
    try:
        args, kwargs = copy.deepcopy((args, kwargs))
    except (TypeError, RuntimeError, ValueError) as error:
        raise TypeError(f"the arguments cannot be copied for each run ({error}): make them inside fn") from None
    with SeedContext(seed, deterministic=False):
        return dict(leaves(fn(*args, **kwargs)))


def _first_difference(first: dict[str, Leaf], second: dict[str, Leaf], run: int) -> Difference | None:
    for path in [*first, *(path for path in second if path not in first)]:
        one, other = first.get(path), second.get(path)
        if one is None or other is None:
            kinds = [leaf.kind if leaf else "nothing" for leaf in (one, other)]
            return Difference(path, "there is", run, *kinds)
        if one.kind != other.kind:
            return Difference(path, "the type is", run, one.kind, other.kind)
        if one.shape != other.shape:
            return Difference(path, "the shape is", run, one.shape, other.shape)
        if not one.same(other):
            return _different_value(path, one, other, run)
    return None


def _different_value(path: str, one: Leaf, other: Leaf, run: int) -> Difference:
    if one.bits is None or other.bits is None:
        return Difference(path, "value", run, one.value, other.value)
    first, second = one.numbers, other.numbers
    unequal = (one.bits != other.bits).reshape(len(first), -1)
    element = int(np.argmax(unequal.any(1)))
    index = np.unravel_index(element, one.shape)
    units = most = None
    if one.floating:
        steps = units_in_last_place(one.bits, other.bits).reshape(unequal.shape).max(1)
        comparable = ~(np.isnan(first) | np.isnan(second))
        units = int(steps[element]) if comparable[element] else None
        most = int(steps[comparable].max()) if comparable.any() else None
    return Difference(
        path + (f"[{', '.join(map(str, index))}]" if index else ""),
        "value",
        run,
        first[element].item(),
        second[element].item(),
        units,
        most,
        int(unequal.any(1).sum()),
        len(first),
    )
