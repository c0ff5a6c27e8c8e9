"""Running trainings in MLflow: runs that grow, under a parent that is in progress until `track` completes both."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.repro.repository import main_root
from resnetbk.tracking.journals import Record
from resnetbk.tracking.location import Place, lock_file, mlflow_place, tracking_uri
from resnetbk.tracking.mlflow_store import log_points, log_texts, only_writer
from resnetbk.tracking.pipeline_run import (
    CELL_TAG,
    KEY_TAG,
    PARENT_TAG,
    children,
    experiments,
    new_child,
    parent_run,
)
from resnetbk.tracking.sink import Refused, RunGone, Training

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

JOURNAL_TAG = "resnetbk.journal"  # names a run's journals: what is sent a second time makes no second run
STATUS = {"finished": "FINISHED", "interrupted": "KILLED", "killed": "KILLED"}  # of the rest: FAILED


@contextmanager
def _answers() -> Iterator[None]:
    """Tell a server's refusal from a server that is not there."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            raise RunGone from error
        if error.error_code == "INVALID_PARAMETER_VALUE":
            raise Refused(error.message) from error
        raise


class MlflowSink:
    """MLflow as a `Sink`. Each method takes the lock of all writers for as long as it works."""

    def __init__(self, uri: str, place: Place, lock: Path, *, system: bool = False) -> None:
        self._uri, self._place, self._lock = uri, place, lock
        self._system = system
        self._monitors: dict[str, SystemMetricsMonitor] = {}

    @classmethod
    def here(cls) -> MlflowSink:
        """Return this repository's sink; MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING asks for the system's metrics."""
        main = main_root()
        system = os.environ.get("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "").lower() in ("true", "1")
        return cls(tracking_uri(main), mlflow_place(main), lock_file(main), system=system)

    def begin(self, training: Training, run: str | None) -> str:
        with only_writer(self._uri, self._lock) as client:
            known = self._of_journal(client, training) or self._new(client, training, run)
            parent = client.get_run(known.data.tags[PARENT_TAG])
            for unfinished in (known, parent):
                if KEY_TAG not in unfinished.data.tags and unfinished.info.status != "RUNNING":
                    client.update_run(unfinished.info.run_id, "RUNNING")
        if self._system and parent.info.run_id not in self._monitors:
            self._monitor(parent.info.run_id)
        return known.info.run_id

    def points(self, run: str, records: Sequence[Record]) -> None:
        with only_writer(self._uri, self._lock) as client, _answers():
            log_points(
                client,
                run,
                (
                    (name, value, int(1000 * record["time"]), record["step"])
                    for record in records
                    for name, value in record["metrics"].items()
                ),
            )

    def end(self, run: str, outcome: str, time: float) -> None:
        with only_writer(self._uri, self._lock) as client, _answers():
            tags = client.get_run(run).data.tags
            if KEY_TAG in tags:  # `track` has completed it
                return
            client.set_tag(run, "outcome", outcome)
            status = STATUS.get(outcome, "FAILED")
            client.set_terminated(run, status, int(1000 * time))
            if status != "FINISHED":  # of a pipeline that goes on, `begin` or `track` says so
                client.set_terminated(tags[PARENT_TAG], status, int(1000 * time))

    def close(self) -> None:
        for monitor in self._monitors.values():
            monitor.finish()

    def _of_journal(self, client: MlflowClient, training: Training) -> Run | None:
        """Return the run that a journal was sent to before, if this sender's memory of it is lost."""
        where = experiments(client, training.asked, self._place)
        name = training.begin["journal"]
        found = client.search_runs(where, f"tags.`{JOURNAL_TAG}` LIKE '%{name}%'", max_results=1) if where else []
        return next(iter(found), None)

    def _new(self, client: MlflowClient, training: Training, run: str | None) -> Run:
        """Return a new run; for a training that was resumed the run of its earlier part."""
        parent = parent_run(client, training.asked, self._place)
        journal = training.begin["journal"]
        if training.begin["from_step"]:
            for other in children(client, parent):
                tags, run_id = other.data.tags, other.info.run_id
                if tags.get(CELL_TAG) == training.name and KEY_TAG not in tags and run in (None, run_id):
                    client.set_tag(run_id, JOURNAL_TAG, f"{tags.get(JOURNAL_TAG, '')} {journal}".strip())
                    return other
        made = new_child(client, parent, training.name, training.begin["time"], {JOURNAL_TAG: journal})
        log_texts(client, made.info.run_id, params=training.params, tags=training.tags)
        return made

    def _monitor(self, run: str) -> None:
        """Have MLflow's own monitor log this machine's load; it is the pipeline's, so the parent shows it."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._monitors[run] = SystemMetricsMonitor(run, resume_logging=True, tracking_uri=self._uri)
        self._monitors[run].start()
