"""A pipeline run into MLflow: in batches, one writer at a time, each run once.

A run gets its key and its status FINISHED last, so that what stands in MLflow as finished is complete. What a live
sender or a killed `track` left of the same cell is completed in place: the run keeps its id and its points.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.repro.files import sha256_json
from resnetbk.tracking.location import Place
from resnetbk.tracking.mlflow_run import write_run
from resnetbk.tracking.mlflow_store import only_writer
from resnetbk.tracking.pipeline_run import (
    CELL_TAG,
    KEY_TAG,
    PipelineRun,
    children,
    new_child,
    parent_run,
)
from resnetbk.tracking.registry import register
from resnetbk.tracking.run import TrackedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CONTENT_TAG = "resnetbk.content"  # of the parent: a hash of what it shows beside the cells
SAME = ("train/loss", "validation/loss")  # what one training gives again to the last bit


@dataclass(frozen=True)
class TrackedPipeline:
    """A pipeline run with results: the comparison, its cells, and `more`: trials of the tuning, the battery."""

    asked: PipelineRun
    parent: TrackedRun
    cells: list[TrackedRun]
    more: list[TrackedRun]

    @property
    def key(self) -> str:
        """Return the hash of what was asked for and of every cell's results."""
        return sha256_json([self.asked.key, sorted(cell.key for cell in self.cells)])

    @property
    def runs(self) -> list[TrackedRun]:
        return [*self.more, *self.cells, self.parent]


def send(whole: TrackedPipeline, *, uri: str, place: Place, lock: Path) -> Iterator[tuple[TrackedRun, bool]]:
    """Send a pipeline run to MLflow; yield each run when it is there, with whether anything was sent.

    **Arguments:** `uri`: the tracking URI; `lock`: a file that all writers of this repository share.
    **Raises:** whatever MLflow raises; the runs yielded before are safe.
    """
    with only_writer(uri, lock) as client:
        parent = parent_run(client, whole.asked, place, whole.key)
        client.set_tag(parent.info.run_id, KEY_TAG, whole.key)
        there = children(client, parent)
        for cell in (*whole.more, *whole.cells):
            yield cell, _send_cell(client, parent, whole, cell, there)
        yield whole.parent, _send_parent(client, parent, whole.parent)


def _send_cell(
    client: MlflowClient, parent: Run, whole: TrackedPipeline, cell: TrackedRun, there: list[Run]
) -> bool:
    """Bring one cell's run to its end; return whether there was anything to do."""
    key = sha256_json([whole.key, cell.key])
    if any(run.data.tags.get(KEY_TAG) == key and run.info.status == "FINISHED" for run in there):
        return False
    attempts = _attempts(client, cell, there)
    if attempts:
        run_id, known = attempts.pop(0)
    else:
        run_id = new_child(client, parent, cell.name, cell.start or time.time(), {}).info.run_id
        known = set()
    write_run(client, run_id, cell, known)
    if cell.model:
        register(client, run_id, cell.model, {name: cell.tags[name] for name in ("model", "seed")})
    client.set_tag(run_id, KEY_TAG, key)
    client.set_terminated(run_id, "FINISHED", int(1000 * (cell.end or time.time())))
    for superseded, _ in attempts:  # killed before there was anything to resume: they add nothing to this one
        client.delete_run(superseded)
    return True


def _send_parent(client: MlflowClient, parent: Run, run: TrackedRun) -> bool:
    """Bring the comparison's run up to date; return whether there was anything to do."""
    if parent.data.tags.get(CONTENT_TAG) == run.key and parent.info.status == "FINISHED":
        return False
    run_id = parent.info.run_id
    write_run(client, run_id, run, set())
    client.set_tag(run_id, CONTENT_TAG, run.key)
    client.set_terminated(run_id, "FINISHED", int(1000 * (run.end or time.time())))
    return True


def _attempts(client: MlflowClient, cell: TrackedRun, there: list[Run]) -> list[tuple[str, set[tuple[str, int]]]]:
    """Return the unfinished runs of this very training, the newest first, and what each holds by metric and step.

    They are of it when their losses are those of the results: the same code and parameters give the same values.
    Runs that were killed before they had a point are of it too.
    """
    wanted = {(point.name, point.step): point.value for point in cell.points}
    attempts = []
    for run in there:
        if run.data.tags.get(CELL_TAG) != cell.name or KEY_TAG in run.data.tags:
            continue
        names = {name for name, _ in wanted} & run.data.metrics.keys()
        found = {
            (name, point.step): point.value
            for name in names
            for point in client.get_metric_history(run.info.run_id, name)
        }
        if all(wanted.get(at, value) == value for at, value in found.items() if at[0] in SAME):
            attempts.append((run.info.run_id, set(found)))
    return attempts
