"""What models lose at fewer bits."""

from __future__ import annotations

from statistics import fmean

from resnetbk.report.battery import Battery
from resnetbk.report.numbers import fixed, signed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.efficiency import QuantiseCell
from resnetbk.report.tables.context import NOT_FINITE
from resnetbk.report.tables.table import Cell, Row, Table


def precision_table(battery: Battery) -> Table:
    """A row a precision: the loss of each model and how much higher it is than as trained."""
    models = list(battery.quantise)
    first = battery.quantise[models[0]][0]
    rows = [Row("as trained", [Cell(_trained(battery.quantise[name]), _origin(name, "loss")) for name in models])]
    rows += [
        Row(name, [Cell(_score(battery.quantise[model], name), _origin(model, "precisions")) for model in models])
        for name in first.precisions
    ]
    return Table(
        f"Held-out loss in nats per token, mean over seeds ({fixed(len(first.documents), 0)} documents, "
        f"{fixed(first.tokens, 0)} tokens); beneath it the increase over the loss as trained, and the bytes of "
        "all parameters with their scales.",
        ["Precision", *models],
        rows,
        said=_origin(models[0], "documents"),
    )


def _origin(model: str, key: str) -> Origin:
    return Origin(("quantise", model), key)


def _trained(cells: list[QuantiseCell]) -> str:
    return f"{fixed(fmean(cell.loss for cell in cells), 4)}\n\n{fixed(cells[0].weight_bytes, 0)}"


def _score(cells: list[QuantiseCell], name: str) -> str:
    scores = [cell.precisions[name] for cell in cells]
    losses = [score.loss for score in scores if score.loss is not None]
    weights = fixed(scores[0].weight_bytes, 0)
    if len(losses) < len(scores):
        return f"{NOT_FINITE}\n{len(scores) - len(losses)} of {len(scores)} seeds\n{weights}"
    rise = fmean(score.loss_increase for score in scores)
    return f"{fixed(fmean(losses), 4)}\n{signed(rise, 4)}\n{weights}"
