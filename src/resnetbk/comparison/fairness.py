"""The ledger: what each model was given, counted, and which row of it forbids a comparison.

A row is a fact about a model; a rule judges a row for a pair of models. A new row is a field of `Ledger`, a
new demand is a rule: nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from resnetbk.comparison.cells import Cells


@dataclass(frozen=True)
class Ledger:
    """What one model was given, the same under every seed."""

    parameters: int  # with embeddings
    parameters_embedding: int
    parameters_non_embedding: int
    parameter_budget: int
    training_tokens: int
    state_size: int  # bytes of recurrent state or key-value cache for one sequence
    audit_passed: bool | None  # None: there is no audit
    data: dict[str, str]  # SHA-256 of the tokens of each split
    documents: int  # held out
    tokens: int  # held out and predicted

    @property
    def parameters_from_budget(self) -> float:
        """Relative distance of the parameters from the budget, signed."""
        return self.parameters / self.parameter_budget - 1

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "parameters_from_budget": self.parameters_from_budget}


def read_ledger(cells: Cells, model: str, *, parameter_budget: int) -> Ledger:
    """Collect the ledger of one model from its first cell; `read_cells` has shown that the others agree."""
    cell = cells.by_model[model][0]
    audit = cells.audits[model]
    return Ledger(
        parameters=cell.evaluation.parameters.total,
        parameters_embedding=cell.evaluation.parameters.embedding,
        parameters_non_embedding=cell.evaluation.parameters.non_embedding,
        parameter_budget=parameter_budget,
        training_tokens=cell.evaluation.training_tokens,
        state_size=cell.evaluation.state_size,
        audit_passed=None if audit is None else audit.passed,
        data=cell.data,
        documents=len(cell.evaluation.documents),
        tokens=cell.evaluation.tokens,
    )


def why_not_comparable(ledgers: dict[str, Ledger], pair: tuple[str, str], tolerance: float) -> str | None:
    """Return the row of the ledger that forbids comparing two models, or None.

    Parameters are held against the budget, not against each other: both models must lie within `tolerance` of
    `run.parameter_budget`, so two of a pair may differ by twice that. A pair of models that agree with each
    other and not with the budget is refused as well, since the budget is what the run promised.

    **Arguments:** `ledgers`: by model; `pair`: the two names; `tolerance`: relative, of the parameters.
    **Returns:** the first broken row in words, rules in the order of `_RULES`; None when all hold.
    """
    for rule in _RULES:
        reason = rule(ledgers, pair, tolerance)
        if reason is not None:
            return reason
    return None


def _audit(ledgers: dict[str, Ledger], pair: tuple[str, str], tolerance: float) -> str | None:
    for name in pair:
        if ledgers[name].audit_passed is None:
            return f"audit of {name} is missing (dvc repro audit@{name})"
        if not ledgers[name].audit_passed:
            return f"audit of {name} failed"
    return None


def _data(ledgers: dict[str, Ledger], pair: tuple[str, str], tolerance: float) -> str | None:
    first, second = (ledgers[name].data for name in pair)
    differing = [split for split in sorted({*first, *second}) if first.get(split) != second.get(split)]
    return f"data differ in the split {', '.join(differing)}" if differing else None


def _training_tokens(ledgers: dict[str, Ledger], pair: tuple[str, str], tolerance: float) -> str | None:
    first, second = (ledgers[name].training_tokens for name in pair)
    return None if first == second else f"training tokens differ: {first:,} and {second:,}"


def _parameters(ledgers: dict[str, Ledger], pair: tuple[str, str], tolerance: float) -> str | None:
    for name in pair:
        ledger = ledgers[name]
        if abs(ledger.parameters - ledger.parameter_budget) > tolerance * ledger.parameter_budget:
            return (
                f"parameters of {name} ({ledger.parameters:,}) miss the budget of {ledger.parameter_budget:,} "
                f"by {100 * ledger.parameters_from_budget:+.2f} %; the tolerance is {100 * tolerance:g} %"
            )
    return None


_RULES: tuple[Callable[[dict[str, Ledger], tuple[str, str], float], str | None], ...] = (
    _audit,
    _data,
    _training_tokens,
    _parameters,
)
