"""MLflow's runs: those that show what no version has go for good, and nobody else's do."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType
from tests.housekeeping.repository import Repository

from resnetbk.housekeeping.cache import Cache
from resnetbk.housekeeping.results import Results
from resnetbk.housekeeping.runs import WEIGHTS_TAG, Runs
from resnetbk.housekeeping.versions import Versions
from resnetbk.tracking.pipeline_run import CELL_TAG, KEY_TAG, PARENT_TAG, PIPELINE_TAG


def pipeline(client: MlflowClient, root: Path, name: str, *weights: str, done: bool = True, **tags: str) -> None:
    """Show a pipeline run whose cells have these weights, and one of its trials."""
    place = (root / "mlruns").as_uri()
    experiment = client.create_experiment(name, place, tags={PIPELINE_TAG: name})
    tags |= {PIPELINE_TAG: name} | ({KEY_TAG: name} if done else {})
    parent = client.create_run(experiment, tags=tags, run_name="comparison").info.run_id
    for digest in (*weights, None):
        own = {WEIGHTS_TAG: digest, CELL_TAG: "a-0", KEY_TAG: digest} if digest else {CELL_TAG: "tune a"}
        run = client.create_run(experiment, tags={PIPELINE_TAG: name, PARENT_TAG: parent, **own}).info.run_id
        client.log_text(run, "12345", "manifest.json")


@pytest.mark.nightly
def test_pipeline_runs_go_with_the_last_version_that_has_their_weights(repository: Repository):
    root = repository.path
    manifest = b'{"final_weights": "kept"}'
    repository.lock({"models/a-0": repository.cached_folder({"manifest.json": manifest})})
    head = repository.commit()
    repository.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/there", head)
    versions = Versions(root)
    runs = Runs(root, Results(versions, Cache(root / ".dvc/cache", versions)), versions.experiments)
    assert list(runs.unneeded()) == [], "no database: none is made"
    assert not (root / "mlflow.db").exists()

    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    pipeline(client, root, "committed", "kept")
    pipeline(client, root, "partly gone", "kept", "gone")
    pipeline(client, root, "gone", "gone")
    pipeline(client, root, "an experiment", "gone", dvc_exp_name="there")
    pipeline(client, root, "a removed experiment", "gone", dvc_exp_name="no longer")
    pipeline(client, root, "in progress", "gone", done=False)
    pipeline(client, root, "nothing yet")
    mine = client.create_experiment("mine", (root / "mlruns").as_uri())
    client.delete_run(client.create_run(mine).info.run_id)
    client.create_run(trash := client.create_experiment("my trash"))
    client.delete_experiment(trash)

    found = list(runs.unneeded())
    gone = {"partly gone", "gone", "a removed experiment"}
    assert {finding.name.split(" (")[0] for finding in found} == gone
    assert sum(finding.size for finding in found) == 5 * 7  # files of seven cells and trials
    for finding in found:
        finding.remove()
    left = {e.name: e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)}
    assert left.keys() == {
        *("committed", "an experiment", "in progress", "nothing yet", "mine", "my trash", "Default"),
    }
    counts = {name: len(client.search_runs([i], run_view_type=ViewType.ALL)) for name, i in left.items()}
    assert counts["committed"] == 3 and counts["mine"] == counts["my trash"] == 1
    assert list(runs.unneeded()) == []
    assert len([path for path in (root / "mlruns").iterdir()]) == 2 + 2 + 2 + 1
