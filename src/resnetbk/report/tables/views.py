"""The same cells matched on something else than parameters and tokens."""

from __future__ import annotations

from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed, percent, signed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.ledger import AtBudget, BudgetView, NotMeasured
from resnetbk.report.tables.table import Table, mean_and_range, model_rows


def view_tables(results: Results) -> list[Table]:
    """One table a view: operations, state, and seconds when they were measured."""
    views = results.comparison.views
    tables = [_budget(results, "flops", views.flops, "operations", 0), _state(results)]
    if not isinstance(views.seconds, NotMeasured):
        tables.append(_budget(results, "seconds", views.seconds, "seconds", 4))
    return tables


def _budget(results: Results, name: str, view: BudgetView, unit: str, decimals: int) -> Table:
    baseline = results.comparison.baseline
    columns = ["Model", f"{unit.capitalize()} of a step", "Steps within the budget", "Validation loss"]
    columns.append(f"less that of {baseline}")
    cells = {model: _row(view.models[model], decimals) for model in results.models}
    cells[baseline][-1] = "baseline"
    return Table(
        f"Matched on {unit}: every model when it has spent "
        f"{fixed(view.budget, decimals if view.budget < 1000 else 0)} {unit}, what the cheapest training spent "
        "in all. Validation loss in nats per token, mean over seeds; beneath it the lowest and highest seed. A "
        "model whose steps cost more is read off before its learning rate has come down.",
        columns,
        model_rows(results.models, cells),
        origin=Origin(("compare",), f"views.{name}"),
    )


def _row(found: AtBudget, decimals: int) -> list[str]:
    seeds = [loss for loss in found.loss_by_seed if loss is not None]
    return [
        fixed(found.step_cost, decimals),
        fixed(found.steps, 0),
        "not validated by then"
        if found.loss is None
        else mean_and_range(fixed(found.loss, 4), fixed(min(seeds), 4), fixed(max(seeds), 4)),
        NOTHING if found.difference is None else signed(found.difference, 4),
    ]


def _state(results: Results) -> Table:
    comparison = results.comparison
    cells = {
        name: [
            fixed(found.state_size, 0),
            fixed(found.loss, 4),
            "of one size" if found.comparable else "of another size",
            ", ".join(found.surpassed_by) or "none",
        ]
        for name, found in comparison.views.state_size.models.items()
    }
    tolerance = comparison.tolerances.get("state_size") or 0
    columns = ["Model", "Bytes of state", "Held-out loss", f"Next to {comparison.baseline}"]
    return Table(
        "Matched on state: what a model carries from token to token of one sequence, and its loss on the test "
        f"split in nats per token. Of one size: with a difference of at most {percent(tolerance)}.",
        [*columns, "Surpassed by (less state and lower loss)"],
        model_rows(results.models, cells),
        {"Surpassed by (less state and lower loss)"},
        Origin(("compare",), "views.state_size"),
        Origin(("compare",), "tolerances.state_size"),
    )
