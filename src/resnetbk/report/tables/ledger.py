"""What each model was given and what it cost, row by row with its tolerance, and cell by cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnetbk.comparison.verdict import NOT_COMPARABLE
from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed, percent, signed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.ledger import Ledger
from resnetbk.report.tables.table import Cell, Row, Table

_HASH = 12  # digits shown of a SHA-256: enough to tell any two apart
_COMPARED = Origin(("compare",), "tolerances")


def _whole(value: float) -> str:
    return fixed(value, 0)


def _off(value: float) -> str:
    return f"{signed(100 * value, 2)}\N{NO-BREAK SPACE}%"


_AUDIT = {True: "passed", False: "failed", None: "missing"}
# What a row is called, what it shows of a cell, how, and which tolerance or rule holds for it.
_ROWS: tuple[tuple[str, Callable[[Ledger], Any], Callable[[Any], str], str], ...] = (
    ("Parameters", lambda cell: cell.parameters, _whole, "parameters"),
    ("Parameters, from the budget", lambda cell: cell.parameters_from_budget, _off, NOTHING),
    ("Parameters, without embeddings", lambda cell: cell.parameters_non_embedding, _whole, NOTHING),
    ("Parameters, of embeddings", lambda cell: cell.parameters_embedding, _whole, NOTHING),
    ("Embeddings", lambda cell: cell.tied_embeddings, {True: "tied", False: "not tied"}.get, "must agree"),
    ("Training tokens", lambda cell: cell.training_tokens, _whole, "training_tokens"),
    ("Optimiser steps", lambda cell: cell.steps, _whole, "steps"),
    ("Operations of a step", lambda cell: cell.flops, _whole, "flops"),
    ("Operations, forward", lambda cell: cell.forward_flops, _whole, NOTHING),
    ("Operations, backward", lambda cell: cell.backward_flops, _whole, NOTHING),
    ("Operations of the training", lambda cell: cell.flops * cell.steps, _whole, NOTHING),
    ("Peak memory of a step, bytes", lambda cell: cell.peak_memory_bytes, _whole, "peak_memory_bytes"),
    ("State of a sequence, bytes", lambda cell: cell.state_size, _whole, "state_size"),
    ("Tuning trials", lambda cell: cell.tuning_trials, _whole, "tuning_trials"),
    ("Tuning tokens", lambda cell: cell.tuning_tokens, _whole, "tuning_tokens"),
    ("Initialisation", lambda cell: cell.initialisation, str, "not changed"),
    ("Audit", lambda cell: cell.audit_passed, _AUDIT.get, "must pass"),
)


def ledger_table(results: Results) -> Table:
    """Every row of the ledger, a column a model; where seeds differ, the least and the most of them."""
    models, comparison = results.models, results.comparison
    rows = []
    for name, value, words, rule in _ROWS:
        cells = [
            Cell(_over_seeds([value(cell) for cell in comparison.models[model].ledger], words), _origin(model))
            for model in models
        ]
        rows.append(Row(name, [*cells, _tolerance(comparison.tolerances, rule)]))
    order = {model: [cell.data_order for cell in comparison.models[model].ledger] for model in models}
    theirs = order[comparison.baseline]
    rows.append(
        Row(
            "Order of the data",
            [Cell(_same(order[model] == theirs, comparison.baseline), _origin(model)) for model in models]
            + ["must agree"],
        )
    )
    return Table(
        "What each model was given and what it cost, counted and not timed. Operations are floating-point "
        "operations, a multiply-add two; memory is that of tensors alone. The tolerance is relative; “any” "
        "means that a verdict does not depend on this row.",
        ["Row", *models, "Tolerance"],
        rows,
        origin=_COMPARED,
    )


def cells_table(results: Results) -> Table:
    """Every cell with the hashes of what it started from."""
    rows = [
        Row(
            f"{model}, seed {cell.seed}",
            [
                cell.initial_weights[:_HASH],
                cell.initialisation,
                cell.data_order[:_HASH],
                _whole(cell.steps),
                _whole(cell.training_tokens),
                _whole(cell.flops),
                _whole(cell.peak_memory_bytes),
            ],
            place,
            origin=_origin(model),
        )
        for place, model in enumerate(results.models)
        for cell in results.comparison.models[model].ledger
    ]
    columns = ["Cell", "Initial weights", "Initialisation", "Order of the data", "Steps", "Tokens"]
    columns += ["Operations of a step", "Peak memory, bytes"]
    return Table(
        "The cells one by one. Of initial weights and order of the data stands how their SHA-256 begins.",
        columns,
        rows,
    )


def broken_rows(results: Results) -> list[tuple[str, str]]:
    """Return the pairs that the ledger forbids to compare, each with the row that broke."""
    return [
        (f"{pair.model} and {pair.against}", pair.verdict.removeprefix(f"{NOT_COMPARABLE}: "))
        for pair in results.comparison.comparisons
        if pair.verdict.startswith(NOT_COMPARABLE)
    ]


def _over_seeds(values: list[Any], words: Callable[[Any], str]) -> str:
    if len(set(values)) == 1:
        return words(values[0])
    if isinstance(values[0], int | float) and not isinstance(values[0], bool):
        return f"{words(min(values))} to {words(max(values))}"
    return "\n".join(map(words, values))


def _origin(model: str) -> Origin:
    return Origin(("compare",), f"models.{model}.ledger")


def _tolerance(tolerances: dict[str, float | None], rule: str) -> str:
    if rule not in tolerances:
        return rule
    tolerance = tolerances[rule]
    return "any" if tolerance is None else percent(tolerance)


def _same(same: bool, baseline: str) -> str:
    return f"that of {baseline}" if same else "differs"
