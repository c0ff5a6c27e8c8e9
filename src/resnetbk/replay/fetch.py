"""Find a run in MLflow by its id and fetch what it holds, in bounded time and without writing to MLflow."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.recorded import RecordedCell
from resnetbk.repro.provenance import strip_credentials
from resnetbk.repro.repository import main_root
from resnetbk.tracking.location import sqlite_file, tracking_uri
from resnetbk.tracking.mlflow_store import open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NEEDED = (
    "manifest.json",
    "evaluate.json",
    "history.jsonl",
    "audit.json",
    "card.json",
    "params.yaml",
    "provenance/environment.json",
)


@contextmanager
def fetched(*run_ids: str, uri: str | None = None) -> Iterator[tuple[RecordedCell, ...]]:
    """Fetch runs into a temporary folder that is removed when they are done with."""
    address = tracking_uri(main_root(), uri)
    with tempfile.TemporaryDirectory(prefix="resnetbk-run-") as folder:
        runs = []
        for number, run_id in enumerate(run_ids):
            (place := Path(folder, str(number))).mkdir()
            runs.append(fetch(run_id, uri=address, folder=place))
        yield tuple(runs)


def fetch(run_id: str, *, uri: str, folder: Path) -> RecordedCell:
    """Fetch a run's tags, metrics and artifacts.

    **Arguments:** `run_id`: MLflow's id, or the first digits of one that they tell from all others; `uri`: the
    tracking URI; `folder`: an empty folder to keep its artifacts in.
    **Raises:** `NotCheckable` when MLflow cannot be asked, has no such run, or the run is no finished cell.
    """
    if not re.fullmatch(r"[0-9a-f]{1,32}", run_id):
        raise NotCheckable(
            f"{run_id!r} is no run id: expected up to 32 digits of 0-9 and a-f, as MLflow shows them"
        )
    if database := sqlite_file(uri):
        _require_database(database)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError  # MLflow lets it through

    try:
        client = open_client(uri)
        run = _find(client, run_id)
        model, seed = _cell(run)
        points = {
            name: sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))
            for name in run.data.metrics
            if not name.startswith("time/")
        }
        client.download_artifacts(run.info.run_id, "", str(folder))
    except (MlflowException, SQLAlchemyError, OSError) as error:  # a connection that failed is an OSError
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise NotCheckable(strip_credentials(f"MLflow at {uri} does not give run {run_id}: {reason}")) from None
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise NotCheckable(
            f"run {run.info.run_id} lacks {', '.join(missing)}: nothing is left to compare with at "
            f"{strip_credentials(run.info.artifact_uri)}"
        )
    return RecordedCell(run.info.run_id, model, seed, dict(run.data.tags), points, folder)


def _require_database(path: Path) -> None:
    """Check that a file is MLflow's: opening another would make MLflow's tables in it."""
    if not path.is_file():
        raise NotCheckable(
            f"{path}: no MLflow database. `dvc repro -f -s track` fills it again from versioned files; "
            "--tracking-uri names another"
        )
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            runs = database.execute("SELECT name FROM sqlite_master WHERE name = 'runs'").fetchone()
    except sqlite3.Error as error:
        raise NotCheckable(f"{path}: cannot be read as a database ({error})") from None
    if not runs:
        raise NotCheckable(f"{path}: a database, but not MLflow's: it has no table of runs")


def _find(client: MlflowClient, run_id: str) -> Run:
    """Return the one run whose id begins so."""
    from mlflow.entities import ViewType

    experiments = [found.experiment_id for found in client.search_experiments(view_type=ViewType.ALL)]
    runs = client.search_runs(experiments, f"attributes.run_id LIKE '{run_id}%'", ViewType.ALL, max_results=5)
    if not runs:
        raise NotCheckable(f"MLflow at {strip_credentials(client.tracking_uri)} has no run {run_id}")
    if len(runs) > 1:
        several = ", ".join(run.info.run_id for run in runs)
        raise NotCheckable(f"{run_id} is the start of more than one run id: {several}")
    return runs[0]


def _cell(run: Run) -> tuple[str, int]:
    """Return model and seed of a run that is a finished cell."""
    name, tags = run.info.run_name, run.data.tags
    if not {"model", "seed", "weights_sha256"} <= tags.keys() or not re.fullmatch(r"\d+", tags["seed"]):
        raise NotCheckable(
            f"run {run.info.run_id} ({name}) is no trained cell: there is nothing of it to run again"
        )
    if run.info.status != "FINISHED":
        raise NotCheckable(
            f"run {run.info.run_id} ({name}) is {run.info.status}: its sender was killed; `dvc repro -f -s track` "
            "sends it again"
        )
    return tags["model"], int(tags["seed"])
