"""Does MLflow load, and does the store of its runs answer?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from resnetbk.doctor.asking import refusal
from resnetbk.doctor.finding import Finding

TIMEOUT = 60  # seconds for all: opening a store takes five
PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}

_ASK = """
import sys
from mlflow import MlflowClient
try:
    MlflowClient(sys.argv[1]).search_experiments(max_results=1)
except Exception as error:
    sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
"""


def examine_mlflow(root: Path) -> Iterator[Finding]:
    """Ask the store that MLFLOW_TRACKING_URI names, else mlflow.db, as a run would; make none."""
    from resnetbk.tracking.location import sqlite_file, tracking_uri
    from resnetbk.tracking.secrets import without_secrets

    uri = tracking_uri(root)
    label = f"{version('mlflow')}, {without_secrets(uri)}"
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        yield Finding("MLflow", "ok", f"{label}, which the first run makes")
        return
    mend = (
        f"mv {file} {file}.broken; resnetbk tracking rebuild"
        if file
        else "start the server, or correct MLFLOW_TRACKING_URI and its user name and password, or unset it: runs "
        "then go to mlflow.db. No training waits for a server"
    )
    command = [sys.executable, "-W", "ignore", "-c", _ASK, uri]
    if reason := refusal(command, TIMEOUT, env={**os.environ, **PATIENCE}):
        yield Finding("MLflow", "wrong", f"{label}: {reason}", mend)
    else:
        yield Finding("MLflow", "ok", f"{label} answers")
