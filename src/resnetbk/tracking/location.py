"""Where the spool and MLflow live: in the main repository, also for an experiment's temporary copy of it."""

from __future__ import annotations

import os
from pathlib import Path

_RELATIVE_SQLITE = "sqlite:///"
_ABSOLUTE_SQLITE = "sqlite:////"


def tracking_uri(root: Path) -> str:
    """Return MLFLOW_TRACKING_URI, or mlflow.db in `root` when it is unset.

    A relative SQLite path starts at `root`, so that a temporary copy does not take its database with it.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if uri.startswith(_RELATIVE_SQLITE) and not uri.startswith(_ABSOLUTE_SQLITE):
        return f"sqlite:///{(root / uri.removeprefix(_RELATIVE_SQLITE)).as_posix()}"
    return uri


def spool_folder(root: Path) -> Path:
    """Return the folder of the cells' records."""
    return root / ".resnetbk" / "spool"


def lock_file(root: Path) -> Path:
    """Return the lock that one writer to MLflow at a time holds."""
    return root / ".resnetbk" / "mlflow.lock"
