"""A run of the whole pipeline: what it was asked for, and the MLflow experiment and parent run that show it.

One MLflow experiment holds one pipeline run: a parent run, named `comparison`, and under it a run for each cell.
While cells train, the parent has no result and is *in progress*; `track` completes it and sets `KEY_TAG`, the hash
of all results. The same parameters with other results (edited code, say) make another experiment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from resnetbk.params import Params
from resnetbk.repro.files import sha256_json
from resnetbk.tracking.location import Place
from resnetbk.tracking.mlflow_store import is_remote, log_texts

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


def find_parent(client: MlflowClient, pipeline: PipelineRun, place: Place, key: str | None) -> Run | None:
    """Return the parent run with the results `key`, else the one in progress, else None."""
    where = experiments(client, pipeline, place)
    if not where:
        return None
    known = client.search_runs(where, f"tags.`{PIPELINE_TAG}` = '{pipeline.key}'", max_results=1000)
    parents = [run for run in known if PARENT_TAG not in run.data.tags]
    for wanted in {key: None, None: None}:
        for run in parents:
            if run.data.tags.get(KEY_TAG) == wanted:
                return run
    return None


def parent_run(client: MlflowClient, pipeline: PipelineRun, place: Place, key: str | None = None) -> Run:
    """Return the parent run with the results `key`, else the one in progress, which is made if need be."""
    found = find_parent(client, pipeline, place, key)
    if found is None:
        tags = {PIPELINE_TAG: pipeline.key}
        now = int(1000 * time.time())
        found = client.create_run(_new_experiment(client, pipeline, place), now, tags, PARENT)
        log_texts(client, found.info.run_id, params={}, tags=pipeline.tags)
    return found


def children(client: MlflowClient, parent: Run) -> list[Run]:
    """Return the runs of a pipeline's cells, the newest first."""
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            [parent.info.experiment_id],
            f"tags.`{PARENT_TAG}` = '{parent.info.run_id}'",
            max_results=1000,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
        found += page
        token = page.token
        if not token:
            return found


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
    from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

    if place.shared and (found := client.get_experiment_by_name(place.project)):
        return found.experiment_id
    artifacts = None if is_remote(client) else place.artifacts.as_uri()
    number = 1
    while True:
        name = place.project if place.shared else f"{place.project}/{pipeline.title}{f' {number}' * (number > 1)}"
        tags = {} if place.shared else {PIPELINE_TAG: pipeline.key} | pipeline.tags
        try:
            return client.create_experiment(name, artifacts, _described(pipeline, tags))
        except MlflowException as error:  # another pipeline's, a deleted one's, or made this very moment
            if place.shared or error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
            number += 1


def _described(pipeline: PipelineRun, tags: dict[str, str]) -> dict[str, Any]:
    """Add the words that MLflow shows above an experiment."""
    return (
        tags
        | {
            "mlflow.note.content": "A run of the pipeline. "
            + ", ".join(f"{name}: {text}" for name, text in pipeline.tags.items())
        }
        if tags
        else {}
    )
