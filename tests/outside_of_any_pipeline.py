"""For tests of what looks at the run around it."""

import os

import pytest

OUTER_VARIABLES = ("DVC_", "MLFLOW_", "_MLFLOW", "GIT_")


@pytest.fixture(autouse=True)
def outside_of_any_pipeline(monkeypatch):
    """Forget the DVC run, the MLflow server and the git hook that these tests may be running in."""
    for name in [name for name in os.environ if name.startswith(OUTER_VARIABLES)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
