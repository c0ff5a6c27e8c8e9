"""The spool and MLflow live in the main repository, whatever copy of it a stage runs in."""

from pathlib import Path

import pytest

from resnetbk.repro.repository import main_root
from resnetbk.tracking.location import sqlite_file, tracking_uri


def test_the_root_is_the_nearest_folder_upwards_that_is_a_repository(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert main_root() == tmp_path
    (tmp_path / "a/.dvc").mkdir()
    assert main_root() == tmp_path / "a"


def test_dvc_root_wins_so_that_an_experiments_copy_writes_to_the_main_repository(tmp_path, monkeypatch):
    (tmp_path / "copy/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert main_root() == tmp_path / "main"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, "sqlite:////main/mlflow.db"),
        ("sqlite:///runs/my.db", "sqlite:////main/runs/my.db"),
        ("sqlite:////elsewhere/my.db", "sqlite:////elsewhere/my.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_the_tracking_uri(monkeypatch, variable, expected):
    if variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    assert tracking_uri(Path("/main")) == expected


def test_a_chosen_uri_comes_before_the_variable(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    uri = tracking_uri(Path("/main"), "sqlite:///other.db")
    assert (uri, sqlite_file(uri)) == ("sqlite:////main/other.db", Path("/main/other.db"))
    assert sqlite_file("http://127.0.0.1:5000") is None
