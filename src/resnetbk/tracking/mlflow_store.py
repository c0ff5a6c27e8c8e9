"""Runs into MLflow: in batches, one writer at a time, each run once.

A run is sent whole before it is marked FINISHED. One that a killed `track` left half-written is deleted and
sent again, so that what stands in MLflow as finished is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from filelock import FileLock

from resnetbk.tracking.location import sqlite_file
from resnetbk.tracking.run import DataSplit, TrackedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY_TAG = "resnetbk.key"
LOCK_TIMEOUT = 300  # seconds that one writer waits for another
METRICS_A_BATCH, NAMES_A_BATCH = 1000, 100  # MLflow's own limits on log_batch
PARAM_LENGTH, TAG_LENGTH, DIGEST_LENGTH = 6000, 8000, 36  # and on texts, in characters

# Telemetry has no business here; a server that is down should cost seconds (the defaults retry for minutes).
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def open_client(uri: str) -> MlflowClient:
    """Return a client that sends no telemetry and gives a silent server up within seconds."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)  # before mlflow is imported: it reads some of them then
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def send(
    runs: Sequence[TrackedRun], *, uri: str, experiment: str, artifacts: Path, lock: Path
) -> Iterator[tuple[TrackedRun, bool]]:
    """Send runs to MLflow; yield each when it is there, with whether it was new.

    **Arguments:** `uri`: the tracking URI; `experiment`: the name of MLflow's experiment; `artifacts`: the
    folder of artifacts where no server keeps them; `lock`: a file that all writers of this repository share.
    **Raises:** whatever MLflow raises; the runs yielded before are safe.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    # Held from the first opening on: several processes that make a fresh SQLite file's tables at once crash.
    with FileLock(lock, timeout=LOCK_TIMEOUT):
        _make_tables(uri)
        client = open_client(uri)
        experiment_id = _experiment(client, experiment, artifacts)
        for run in runs:
            known = client.search_runs([experiment_id], f"tags.`{KEY_TAG}` = '{run.key}'")
            if any(other.info.status == "FINISHED" for other in known):
                yield run, False
                continue
            for half_written in known:
                client.delete_run(half_written.info.run_id)
            _send(client, experiment_id, run)
            yield run, True


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


def _experiment(client: MlflowClient, name: str, artifacts: Path) -> str:
    """Return the id of MLflow's experiment, made if need be; a server chooses where its artifacts go."""
    found = client.get_experiment_by_name(name)
    if found:
        return found.experiment_id
    remote = urlsplit(client.tracking_uri).scheme in ("http", "https")
    return client.create_experiment(name, None if remote else artifacts.as_uri())


def _send(client: MlflowClient, experiment_id: str, run: TrackedRun) -> None:
    """Write one run: its data, params, tags, points and artifacts."""
    from mlflow.entities import Metric, Param, RunTag

    end = int(1000 * (run.end or time.time()))  # MLflow counts milliseconds
    start = int(1000 * run.start) if run.start else end
    run_id = client.create_run(experiment_id, start, {KEY_TAG: run.key}, run.name).info.run_id
    for part in _parts(run.params.items(), NAMES_A_BATCH):
        client.log_batch(run_id, params=[Param(name, _cut(text, PARAM_LENGTH)) for name, text in part])
    for part in _parts(run.tags.items(), NAMES_A_BATCH):
        client.log_batch(run_id, tags=[RunTag(name, _cut(text, TAG_LENGTH)) for name, text in part])
    for part in _parts(run.points, METRICS_A_BATCH):
        times = (start + int((end - start) * point.fraction) for point in part)
        client.log_batch(
            run_id,
            metrics=[Metric(p.name, p.value, at, p.step) for p, at in zip(part, times, strict=True)],
        )
    if run.data:
        client.log_inputs(run_id, [_dataset(split) for split in run.data])
    with tempfile.TemporaryDirectory(prefix="resnetbk-mlflow-") as folder:
        for name, content in run.artifacts.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_text(content, encoding="utf-8")
        client.log_artifacts(run_id, folder)
    client.set_terminated(run_id, "FINISHED", end)


def _dataset(split: DataSplit):
    """Return a split as MLflow's own record of a dataset; its digest holds the first half of the SHA-256."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=f"{split.corpus}/{split.split}",
        digest=split.sha256[:DIGEST_LENGTH],
        source_type="code",
        source=json.dumps({"source": split.source, "sha256": split.sha256}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", split.split)])


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut items into lists of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _cut(text: str, limit: int) -> str:
    """Shorten a text that MLflow would refuse, visibly; the artifacts hold it whole."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
