"""MLflow's runs: which pipeline runs show results that no version of the project has.

A pipeline run stays while the weights of all its cells are some version's, it shows an experiment that DVC still
has, or it is in progress. Runs that `resnetbk.tracking` has not made are never looked at.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.housekeeping.finding import Finding
from resnetbk.housekeeping.leftovers import size_of
from resnetbk.housekeeping.results import Results
from resnetbk.tracking.location import lock_file, sqlite_file, tracking_uri
from resnetbk.tracking.mlflow_store import all_runs, only_writer
from resnetbk.tracking.pipeline_run import CELL_TAG, KEY_TAG, PARENT_TAG, PIPELINE_TAG, children

if TYPE_CHECKING:
    from mlflow.entities import Run

WEIGHTS_TAG = "weights_sha256"  # of a run that shows a trained cell


class Runs:
    """The pipeline runs of MLflow, that of the repository at `root` or the one that MLFLOW_TRACKING_URI names."""

    def __init__(self, root: Path, results: Results, experiments: set[str]) -> None:
        self._root, self._results, self._experiments = root, results, experiments
        self._uri = tracking_uri(root)

    def unneeded(self) -> Iterator[Finding]:
        """Yield the pipeline runs that show what no version has, each with its cells."""
        database = sqlite_file(self._uri)
        if database and not database.exists():
            return
        with only_writer(self._uri, lock_file(self._root)) as client:
            for experiment in client.search_experiments():
                for parent in all_runs(client, [experiment.experiment_id], f"tags.`{PIPELINE_TAG}` != ''"):
                    if PARENT_TAG in parent.data.tags:
                        continue
                    cells = children(client, parent)
                    if self._is_needed(parent, cells):
                        continue
                    name = f"{experiment.name} ({parent.info.run_id[:8]}, {len(cells)} cells)"
                    runs = [*cells, parent]
                    yield Finding(
                        "run in MLflow", name, sum(map(_size, runs)), lambda runs=runs: self._delete(runs)
                    )

    def _is_needed(self, parent: Run, cells: list[Run]) -> bool:
        weights = {run.data.tags[WEIGHTS_TAG] for run in cells if WEIGHTS_TAG in run.data.tags}  # trials have none
        if KEY_TAG not in parent.data.tags or not weights:
            return True  # in progress, or of a form that is not known here
        if parent.data.tags.get("dvc_exp_name") in self._experiments:
            return True
        if any(run.data.tags.get(CELL_TAG) in self._results.unknown for run in cells):
            return True  # some version's results are not at hand to compare with
        return weights <= self._results.weights

    def _delete(self, runs: list[Run]) -> None:
        """Mark runs as deleted, with their models in the registry and an experiment that is left empty.

        In a database of our own they are removed for good: not by `mlflow gc`, which would take along what its
        user has marked as deleted and may want back. A server keeps ours as deleted until its `mlflow gc`.
        """
        from mlflow.entities import ViewType
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with only_writer(self._uri, lock_file(self._root)) as client:
            for run in runs:
                for version in client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                    client.delete_model_version(version.name, version.version)
                client.delete_run(run.info.run_id)
            experiment = client.get_experiment(runs[-1].info.experiment_id)
            where = [experiment.experiment_id]
            there = client.search_runs(where, run_view_type=ViewType.ALL, max_results=len(runs) + 1)
            if empty := PIPELINE_TAG in experiment.tags and len(there) == len(runs):
                client.delete_experiment(experiment.experiment_id)
            if sqlite_file(self._uri):
                store = SqlAlchemyStore(self._uri, experiment.artifact_location)
                for run in runs:
                    store._hard_delete_run(run.info.run_id)
                    if folder := _folder(run):
                        shutil.rmtree(folder.parent)
                if empty:
                    store._hard_delete_experiment(experiment.experiment_id)


def _size(run: Run) -> int:
    """Return the bytes of a run's artifacts where they lie in a folder of this machine."""
    folder = _folder(run)
    return size_of(folder) if folder else 0


def _folder(run: Run) -> Path | None:
    """Return the folder of a run's artifacts, where it is one of its own on this machine."""
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    return folder if folder.is_dir() and folder.parent.name == run.info.run_id else None
