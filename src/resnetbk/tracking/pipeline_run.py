"""A run of the whole pipeline: what it was asked for, and the MLflow experiment and parent run that show it.

One MLflow experiment holds one pipeline run: a parent run, named `comparison`, and under it a run for each cell.
While cells train, the parent has no result and is *in progress*; `track` completes it and sets `KEY_TAG`, the hash
of all results. The same parameters with other results (edited code, say) make another experiment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resnetbk.params import Params
from resnetbk.repro.files import sha256_json
from resnetbk.tracking.location import Place
from resnetbk.tracking.mlflow_store import all_runs, is_remote, log_texts

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PARENT = "comparison"  # the parent run's name
PARENT_TAG = "mlflow.parentRunId"  # MLflow's own: its pages draw the tree by it
PIPELINE_TAG, KEY_TAG, CELL_TAG = "resnetbk.pipeline", "resnetbk.key", "resnetbk.cell"


@dataclass(frozen=True)
class PipelineRun:
    """What a pipeline was asked for: a DVC experiment by its name, else its parameters.

    `key`: a hash of that; `title`: what a person calls it; `tags`: of the experiment, its parent and its cells.
    """

    key: str
    title: str
    tags: dict[str, str] = field(default_factory=dict)


def params_key(params: Params) -> str:
    """Return the SHA-256 of all parameters' values: comments and order do not count."""
    return sha256_json(params.model_dump(mode="json"))


def pipeline_run(params: str, *, preset: str | None, experiment: str, baseline: str = "") -> PipelineRun:
    """Describe a pipeline run.

    **Arguments:** `params`: `params_key`, or "" where they are not known; `preset`: whose parameters they are,
    None for the user's own; `experiment`: the DVC experiment's name, or ""; `baseline`: the commit it began with.
    """
    asked = {"experiment": experiment} if experiment else {"params": params}
    tags = {"preset": preset or "none", "params_sha256": params} if params else {}
    if experiment:
        tags |= {"dvc_exp_name": experiment, "dvc_exp_baseline_rev": baseline or "unknown"}
    return PipelineRun(sha256_json(asked), experiment or preset or "own parameters", tags)


def parent_run(client: MlflowClient, pipeline: PipelineRun, place: Place, key: str | None = None) -> Run:
    """Return the parent run with the results `key`, else the one in progress, which is made if need be."""
    where = experiments(client, pipeline, place)
    known = all_runs(client, where, f"tags.`{PIPELINE_TAG}` = '{pipeline.key}'") if where else []
    parents = [run for run in known if PARENT_TAG not in run.data.tags]
    for wanted in (key, None):
        for run in parents:
            if run.data.tags.get(KEY_TAG) == wanted:
                return run
    tags, now = {PIPELINE_TAG: pipeline.key}, int(1000 * time.time())
    made = client.create_run(_new_experiment(client, pipeline, place), now, tags, PARENT)
    log_texts(client, made.info.run_id, params={}, tags=pipeline.tags)
    return made


def children(client: MlflowClient, parent: Run) -> list[Run]:
    """Return the runs of a pipeline's cells and trials, the newest first."""
    return all_runs(client, [parent.info.experiment_id], f"tags.`{PARENT_TAG}` = '{parent.info.run_id}'")


def new_child(client: MlflowClient, parent: Run, name: str, start: float, tags: dict[str, str]) -> Run:
    """Make the run of a cell or a trial that began at `start` (Unix s)."""
    pipeline = parent.data.tags[PIPELINE_TAG]
    tags = {PARENT_TAG: parent.info.run_id, PIPELINE_TAG: pipeline, CELL_TAG: name, **tags}
    return client.create_run(parent.info.experiment_id, int(1000 * start), tags, name)


def experiments(client: MlflowClient, pipeline: PipelineRun, place: Place) -> list[str]:
    """Return the ids of the experiments that hold a pipeline's runs, or may."""
    if place.shared:
        found = client.get_experiment_by_name(place.project)
        return [found.experiment_id] if found else []
    tagged = client.search_experiments(filter_string=f"tags.`{PIPELINE_TAG}` = '{pipeline.key}'")
    return [experiment.experiment_id for experiment in tagged]


def _new_experiment(client: MlflowClient, pipeline: PipelineRun, place: Place) -> str:
    """Make an experiment under the first name that is free; a server chooses where its artifacts go."""
    from mlflow.exceptions import MlflowException

    if place.shared and (found := client.get_experiment_by_name(place.project)):
        return found.experiment_id
    artifacts = None if is_remote(client) else place.artifacts.as_uri()
    tags = {} if place.shared else _experiment_tags(pipeline)
    number = 1
    while True:
        name = place.project if place.shared else f"{place.project}/{pipeline.title}{f' {number}' * (number > 1)}"
        try:
            return client.create_experiment(name, artifacts, tags)
        except MlflowException as error:  # another pipeline's, a deleted one's, or made this very moment
            if place.shared or error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            number += 1


def _experiment_tags(pipeline: PipelineRun) -> dict[str, str]:
    """Return a pipeline's tags with the words that MLflow shows above an experiment."""
    words = ", ".join(f"{name}: {text}" for name, text in pipeline.tags.items())
    note = {"mlflow.note.content": f"A run of the pipeline. {words}"}
    return {PIPELINE_TAG: pipeline.key, **pipeline.tags, **note}
