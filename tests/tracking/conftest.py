"""A finished pipeline of two cells, and an MLflow database whose tables are made once."""

import os
import shutil

import pytest
from tests.outside_of_any_pipeline import outside_of_any_pipeline  # noqa: F401 - a fixture
from tests.tracking.miniature import make_project

from resnetbk.params import load_params


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables, made once: it takes seconds, and a copy of the file does as well."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    database = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A finished pipeline of two cells as the current folder."""
    root = tmp_path / "a project"  # a space in the path is legal
    root.mkdir()
    (root / ".dvc").mkdir()
    make_project(root)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def database(project, empty_database):
    """The project's mlflow.db with its tables made."""
    return shutil.copy(empty_database, project / "mlflow.db")


@pytest.fixture
def params(project):
    return load_params(project / "params.yaml")
