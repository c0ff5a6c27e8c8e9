"""One small project, run once, with its runs in MLflow."""

import shutil

import pytest
from tests.outside_of_any_pipeline import outside_of_any_pipeline  # noqa: F401 - a fixture
from tests.pipeline.conftest import done  # noqa: F401 - the same run of the same project, if these tests meet
from tests.replay.small import run_ids

from resnetbk.replay.fetch import fetch


@pytest.fixture(scope="session")
def project(done, tmp_path_factory):  # noqa: F811
    """The small project with its finished runs; nobody changes it."""
    return done.copied(tmp_path_factory.mktemp("replay") / "a project").path


@pytest.fixture(scope="session")
def artifacts(project, tmp_path_factory):
    """The runs of the two cells, fetched once."""
    fetched = {}
    for name, run_id in run_ids(project).items():
        if name in ("resnet_bk-0", "mamba-0"):
            fetched[name] = fetch(
                run_id, uri=f"sqlite:///{project}/mlflow.db", folder=tmp_path_factory.mktemp(name)
            )
    return fetched


@pytest.fixture
def mamba(artifacts, tmp_path):
    """The run mamba-0 with a copy of its artifacts to falsify."""
    return copied(artifacts["mamba-0"], tmp_path / "mamba")


@pytest.fixture
def again(artifacts, tmp_path):
    """The same run once more."""
    return copied(artifacts["mamba-0"], tmp_path / "again")


def copied(run, folder):
    shutil.copytree(run.folder, folder)
    points = {name: list(pairs) for name, pairs in run.points.items()}
    return type(run)(run.run_id, run.model, run.seed, dict(run.tags), points, folder)
