"""What models reach when tokens leave early."""

from __future__ import annotations

from statistics import fmean

from resnetbk.report.battery import Battery
from resnetbk.report.numbers import fixed
from resnetbk.report.origins import Origin
from resnetbk.report.tables.table import Row, Table, mean_and_range


def exit_table(battery: Battery) -> Table:
    """A row for each model and rule: loss, depth and operations, means over seeds."""
    rows = []
    for place, model in enumerate(battery.models):
        cells = battery.early_exit.get(model, [])
        for same in zip(*(cell.rows for cell in cells), strict=True):
            losses = [row.loss for row in same]
            cells_of_row = [
                same[0].rule,
                mean_and_range(*(fixed(loss, 4) for loss in (fmean(losses), min(losses), max(losses)))),
                fixed(fmean(row.mean_depth for row in same), 2),
                fixed(fmean(row.flops for row in same), 0),
                f"{sum(row.on_front for row in same)} of {len(same)}",
            ]
            rows.append(Row(model, cells_of_row, place, origin=Origin(("early_exit", model), "rows")))
    return Table(
        "Held-out loss in nats per token where a token leaves at a depth, or at the first depth whose largest "
        "probability reaches the confidence. Operations are those of a token's answer, forward. On the front: "
        "seeds under which no other rule of the model has both less loss and fewer operations.",
        ["Model", "Leaves at", "Loss", "Mean depth", "Operations", "On the front"],
        rows,
    )
