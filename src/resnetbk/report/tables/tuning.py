"""Every trial of the tuning."""

from __future__ import annotations

from resnetbk.params import Tune
from resnetbk.report.loading import Results
from resnetbk.report.numbers import fixed
from resnetbk.report.origins import Origin
from resnetbk.report.shapes.cells import Trial
from resnetbk.report.tables.table import Row, Table


def trials_table(results: Results, tune: Tune) -> Table:
    """A row a trial, the chosen one named as such."""
    rows = []
    for place, model in enumerate(results.models):
        tuning = results.tuning[model]
        for trial in tuning.trials:
            edge = ", at the edge" if tuning.at_edge else ""
            choice = f"chosen{edge}" if trial is tuning.chosen else ""
            cells = [f"{trial.learning_rate:g}", f"{trial.weight_decay:g}", outcome(trial), choice]
            origin = Origin(("tune", model, str(trial.learning_rate)), "trials")
            rows.append(Row(model, cells, place, origin=origin))
    return Table(
        f"Every trial: {fixed(tune.steps, 0)} steps of training with {_seeds(tune)}, scored on the validation "
        "split in nats per token. The test split plays no part.",
        ["Model", "Learning rate", "Weight decay", "Validation loss", "Choice"],
        rows,
        said=Origin(("params", "tune"), "tune"),
    )


def _seeds(tune: Tune) -> str:
    """Return which seeds a trial has."""
    if len(tune.seeds) == 1:
        return f"seed {tune.seeds[0]}"
    return f"each of the seeds {', '.join(map(str, tune.seeds))}, whose mean is shown"


def outcome(trial: Trial) -> str:
    """Return a trial's loss, or where it diverged."""
    return (
        f"diverged at step {trial.diverged_at}"
        if trial.validation_loss is None
        else fixed(trial.validation_loss, 4)
    )
