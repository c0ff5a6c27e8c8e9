"""The same cells matched on something else than parameters: on operations, on the state's size, on seconds.

A model whose steps cost more is read off before its training ends, when its learning rate has not yet come down:
that is to its disadvantage. No verdict rests on a view; the plan's test is the comparison at equal parameters and
tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resnetbk.comparison.cells import Cell, Cells
from resnetbk.comparison.ledger import Ledger
from resnetbk.comparison.timings import Timings, why_not_timed
from resnetbk.params.comparison import Compare


def views(
    cells: Cells, ledgers: Mapping[str, Sequence[Ledger]], plan: Compare, timings: Timings
) -> dict[str, dict[str, Any]]:
    """Return the views: `flops`, `state_size` and `seconds`.

    `flops` and `seconds` hold the `budget` of a training, the smallest that any cell spent, and for each model the
    cost of a step, the step at which the budget is spent, the validation loss there (nats a token) and its
    difference from the baseline's. Where a model was not timed, `seconds` holds why as `not_measured` and nothing
    else. `state_size` holds each model's bytes of state, its loss on the test split, whether its state is as large
    as the baseline's within `tolerances.state_size`, and which models have both less state and a lower loss.

    **Arguments:** `ledgers`: of the cells; `plan`: the section `compare`; `timings`: of a step of each model.
    """
    not_measured = why_not_timed(timings, {name: group[0].manifest for name, group in cells.by_model.items()})
    return {
        "flops": _at_budget(cells, plan.baseline, lambda cell: _ledger(ledgers, cell).flops),
        "state_size": _by_state(cells, ledgers, plan),
        "seconds": {"not_measured": not_measured}
        if not_measured is not None
        else _at_budget(cells, plan.baseline, lambda cell: _seconds(timings, cell)),
    }


def _at_budget(cells: Cells, baseline: str, cost: Callable[[Cell], float]) -> dict[str, Any]:
    """Compare validation losses where every training has spent what the cheapest spent in all."""
    everything = [cell for group in cells.by_model.values() for cell in group]
    budget = min(cell.manifest.steps * cost(cell) for cell in everything)
    # a quotient may round to just beyond the last step
    steps = {
        name: [min(budget / cost(cell), cell.manifest.steps) for cell in group]
        for name, group in cells.by_model.items()
    }
    losses = {
        name: [loss_after(cell.validation, done) for cell, done in zip(group, steps[name], strict=True)]
        for name, group in cells.by_model.items()
    }
    return {
        "budget": budget,
        "models": {
            name: {
                "step_cost": np.mean([cost(cell) for cell in group]),
                "steps": np.mean(steps[name]),
                "loss": _mean(losses[name]),
                "loss_by_seed": losses[name],
                "difference": _mean([_minus(a, b) for a, b in zip(losses[name], losses[baseline], strict=True)]),
            }
            for name, group in cells.by_model.items()
        },
    }


def loss_after(validation: Sequence[tuple[int, float]], steps: float) -> float | None:
    """Return the validation loss after so many steps, between two validations by a straight line.

    **Arguments:** `validation`: steps done and losses, in order; `steps`: need not be whole.
    **Returns:** nats a token; None before the first validation or after the last.
    """
    if not validation or not validation[0][0] <= steps <= validation[-1][0]:
        return None
    done, losses = zip(*validation, strict=True)
    return float(np.interp(steps, done, losses))


def _by_state(cells: Cells, ledgers: Mapping[str, Sequence[Ledger]], plan: Compare) -> dict[str, Any]:
    size = {name: group[0].state_size for name, group in ledgers.items()}
    loss = {name: float(np.mean([c.evaluation.loss for c in group])) for name, group in cells.by_model.items()}
    tolerance = plan.tolerances.state_size or 0
    theirs = size[plan.baseline]
    return {
        "models": {
            name: {
                "state_size": size[name],
                "loss": loss[name],
                "comparable": abs(size[name] - theirs) <= tolerance * max(size[name], theirs),
                "surpassed_by": [other for other in size if size[other] < size[name] and loss[other] < loss[name]],
            }
            for name in size
        }
    }


def _ledger(ledgers: Mapping[str, Sequence[Ledger]], cell: Cell) -> Ledger:
    return next(ledger for ledger in ledgers[cell.evaluation.model] if ledger.seed == cell.evaluation.seed)


def _seconds(timings: Timings, cell: Cell) -> float:
    return cell.manifest.train.accumulation * timings.models[cell.evaluation.model].seconds


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _mean(values: Sequence[float | None]) -> float | None:
    return None if None in values else float(np.mean(values))
