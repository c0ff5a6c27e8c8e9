"""For tests of what looks at the run around it."""

import os

import pytest

OUTER_VARIABLES = ("DVC_", "MLFLOW_", "_MLFLOW", "GIT_")


def outer_variables():
    """Return the variables of the DVC run, the MLflow server and the git hook that tests may be running in."""
    return [name for name in os.environ if name.startswith(OUTER_VARIABLES)]


@pytest.fixture(autouse=True)
def outside_of_any_pipeline(monkeypatch):
    """Forget what other tests of this process have set of them."""
    for name in outer_variables():
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
