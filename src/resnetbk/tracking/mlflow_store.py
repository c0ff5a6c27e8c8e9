"""MLflow's client as this project uses it: no telemetry, bounded waiting, one writer at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from filelock import FileLock

from resnetbk.tracking.location import sqlite_file
from resnetbk.tracking.secrets import without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

LOCK_TIMEOUT = 300  # seconds that one writer waits for another
METRICS_A_BATCH, NAMES_A_BATCH = 1000, 100  # MLflow's own limits on log_batch
RUNS_A_PAGE = 1000  # of search_runs
PARAM_LENGTH, TAG_LENGTH = 6000, 8000  # and on texts, in characters

# Telemetry has no business here; a server that is down should cost seconds (the defaults retry for minutes).
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it prints the password with it
}


def open_client(uri: str) -> MlflowClient:
    """Return a client that sends no telemetry and gives a silent server up within seconds."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)  # before mlflow is imported: it reads some of them then
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


@contextmanager
def only_writer(uri: str, lock: Path) -> Iterator[MlflowClient]:
    """Give the client to one writer at a time.

    The lock is held from the first opening on: several processes that make a fresh SQLite file's tables at once
    crash.

    **Arguments:** `lock`: a file that all writers of this repository share.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, timeout=LOCK_TIMEOUT):
        _make_tables(uri)
        yield open_client(uri)


def is_remote(client: MlflowClient) -> bool:
    """Return whether a server stands between this process and the database, and keeps the artifacts."""
    return urlsplit(client.tracking_uri).scheme in ("http", "https")


def all_runs(client: MlflowClient, experiments: list[str], query: str) -> list[Run]:
    """Return all that a query finds, however many pages it fills, the newest first."""
    from mlflow.utils import get_results_from_paginated_fn

    def page(size: int, token: str | None) -> list[Run]:
        newest = ["attributes.start_time DESC"]
        return client.search_runs(experiments, query, max_results=size, order_by=newest, page_token=token)

    return get_results_from_paginated_fn(page, RUNS_A_PAGE)


def log_texts(client: MlflowClient, run_id: str, *, params: dict[str, str], tags: dict[str, str]) -> None:
    """Write params and tags in batches, without secrets and cut where MLflow would refuse them."""
    from mlflow.entities import Param, RunTag

    for part in batches(params.items(), NAMES_A_BATCH):
        client.log_batch(run_id, params=[Param(name, cut(text, PARAM_LENGTH)) for name, text in part])
    for part in batches(tags.items(), NAMES_A_BATCH):
        client.log_batch(run_id, tags=[RunTag(name, cut(text, TAG_LENGTH)) for name, text in part])


def log_points(client: MlflowClient, run_id: str, points: Iterable[tuple[str, float, int, int]]) -> None:
    """Write points of name, value, time (Unix milliseconds) and step; to write one again changes nothing."""
    from mlflow.entities import Metric

    for part in batches(points, METRICS_A_BATCH):
        client.log_batch(run_id, metrics=[Metric(*point) for point in part])


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut items into lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def cut(text: str, limit: int) -> str:
    """Shorten a text that MLflow would refuse, visibly; the artifacts hold it whole."""
    text = without_secrets(text)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _make_tables(uri: str) -> None:
    """Make MLflow's tables in a new SQLite file, all or none: it cannot complete a file that has some."""
    file = sqlite_file(uri)
    if file is None or file.exists():
        return
    folder = file.with_name(f"{file.name}.tables")  # of its own: SQLite keeps a journal beside its file
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    open_client(f"sqlite:///{folder / file.name}").search_experiments(max_results=1)
    os.replace(folder / file.name, file)
    folder.rmdir()
