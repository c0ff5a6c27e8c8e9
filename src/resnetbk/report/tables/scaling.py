"""What each model reaches at each size."""

from __future__ import annotations

from resnetbk.report.loading import Results
from resnetbk.report.numbers import NOTHING, fixed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.scaling import SizedModel
from resnetbk.report.tables.table import Row, Table, mean_and_range


def scaling_table(results: Results, models: list[str]) -> Table:
    """A row a run: the loss of each model, and its parameters beneath.

    **Arguments:** `models`: all that some run has.
    """
    rows = [
        Row(
            f"commit {run.commit[:12]}",
            [_score(run.models.get(model)) for model in models],
            origin=Origin(("scaling",), f"runs.{number}"),
        )
        for number, run in enumerate(results.scaling.runs)
    ]
    return Table(
        "Held-out loss in nats per token, mean over seeds; beneath it the lowest and highest, and the parameters "
        "beside the embeddings. Each run is a comparison of its own, with verdicts of its own in its commit.",
        ["Run", *models],
        rows,
    )


def _score(found: SizedModel | None) -> str:
    if found is None:
        return NOTHING
    seeds = found.loss_by_seed
    losses = mean_and_range(*(fixed(value, 4) for value in (found.loss, min(seeds), max(seeds))))
    return f"{losses}\n{fixed(found.parameters, 0)}"
