"""Which row of the ledger forbids a comparison.

A rule judges a row for the two cells of one seed. A new demand is a rule: nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from resnetbk.comparison.ledger import Ledger
from resnetbk.params.comparison import Tolerances

# The rows that may differ by a tolerance, and what they are called.
_NUMBERS = {
    "training_tokens": "training tokens",
    "steps": "optimiser steps",
    "tuning_trials": "tuning trials",
    "tuning_tokens": "tuning tokens",
    "flops": "operations of a training step",
    "state_size": "bytes of state",
    "peak_memory_bytes": "bytes of peak memory",
}


def why_not_comparable(
    ledgers: Mapping[str, Sequence[Ledger]], pair: tuple[str, str], tolerances: Tolerances
) -> str | None:
    """Return the row of the ledger that forbids comparing two models, or None.

    Parameters are held against the budget, not against each other: both models must lie within the tolerance of
    `run.parameter_budget`, so two of a pair may differ by twice that. A pair of models that agree with each
    other and not with the budget is refused as well, since the budget is what the run promised.

    **Arguments:** `ledgers`: of the cells of each model, in the order of the seeds; `pair`: the two names;
    `tolerances`: `compare.tolerances`.
    **Returns:** the first broken row in words, rules in the order of `_RULES`; None when all hold for every seed.
    """
    for rule in _RULES:
        for one, other in zip(*(ledgers[name] for name in pair), strict=True):
            reason = rule(one, other, tolerances)
            if reason is not None:
                return reason
    return None


def _audit(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    for ledger in (one, other):
        if ledger.audit_passed is None:
            return f"audit of {ledger.model} is missing (dvc repro audit@{ledger.model})"
        if not ledger.audit_passed:
            return f"audit of {ledger.model} failed"
    return None


def _initialisation(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    for ledger in (one, other):
        if ledger.initialisation == "changed":
            return (
                f"initialisation of {ledger.model} with seed {ledger.seed} was changed: its first weights are not "
                "those that the published class draws from the same seed"
            )
    return None


def _data(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    splits = sorted({*one.data, *other.data})
    differing = [split for split in splits if one.data.get(split) != other.data.get(split)]
    return f"data differ in the split {', '.join(differing)}" if differing else None


def _parameters(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    tolerance = tolerances.parameters
    for ledger in (one, other):
        if abs(ledger.parameters - ledger.parameter_budget) > tolerance * ledger.parameter_budget:
            return (
                f"parameters of {ledger.model} ({ledger.parameters:,}) miss the budget of "
                f"{ledger.parameter_budget:,} by {100 * ledger.parameters_from_budget:+.2f} %; the tolerance is "
                f"{100 * tolerance:g} %"
            )
    return None


def _numbers(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    for row, words in _NUMBERS.items():
        first, second, tolerance = getattr(one, row), getattr(other, row), getattr(tolerances, row)
        if tolerance is not None and abs(first - second) > tolerance * max(first, second):
            allowed = f"; the tolerance is {100 * tolerance:g} %" if tolerance else ""
            return f"{words} differ: {first:,} and {second:,}{allowed}"
    return None


def _data_order(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    tolerated = one.training_tokens != other.training_tokens  # or the rule before this one had spoken
    if one.data_order != other.data_order and not tolerated:
        return f"order of the data differs under seed {one.seed}"
    return None


def _tied_embeddings(one: Ledger, other: Ledger, tolerances: Tolerances) -> str | None:
    if one.tied_embeddings != other.tied_embeddings:
        tied, untied = (one, other) if one.tied_embeddings else (other, one)
        return f"embeddings are tied to the output in {tied.model} and not in {untied.model}"
    return None


_RULES: tuple[Callable[[Ledger, Ledger, Tolerances], str | None], ...] = (
    _audit,
    _initialisation,
    _data,
    _numbers,
    _parameters,
    _data_order,
    _tied_embeddings,
)
