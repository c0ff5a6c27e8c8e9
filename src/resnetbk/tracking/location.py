"""Where the spool and MLflow live: in the main repository, also for an experiment's temporary copy of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

PROJECT = "resnetbk"  # starts the names of MLflow's experiments, and names the registry's model
_RELATIVE_SQLITE = "sqlite:///"
_ABSOLUTE_SQLITE = "sqlite:////"


class Place(NamedTuple):
    """Where MLflow keeps pipeline runs.

    `project`: starts the names of their experiments, or, if `shared`, is the name of the one that has them all;
    `artifacts`: the folder of artifacts where no server keeps them.
    """

    project: str
    shared: bool
    artifacts: Path


def tracking_uri(root: Path, chosen: str | None = None) -> str:
    """Return the `chosen` URI, else MLFLOW_TRACKING_URI, else that of mlflow.db in `root`.

    A relative SQLite path starts at `root`, so that a temporary copy does not take its database with it.
    """
    uri = chosen or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if uri.startswith(_RELATIVE_SQLITE) and not uri.startswith(_ABSOLUTE_SQLITE):
        return f"sqlite:///{(root / uri.removeprefix(_RELATIVE_SQLITE)).as_posix()}"
    return uri


def mlflow_place(root: Path) -> Place:
    """Return where MLflow keeps pipeline runs: MLFLOW_EXPERIMENT_NAME puts them all in one experiment."""
    shared = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    return Place(shared or PROJECT, bool(shared), root / "mlruns")


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an absolute SQLite URI, None for a server's."""
    return Path("/", uri.removeprefix(_ABSOLUTE_SQLITE)) if uri.startswith(_ABSOLUTE_SQLITE) else None


def spool_folder(root: Path) -> Path:
    """Return the folder of the cells' records."""
    return root / ".resnetbk" / "spool"


def lock_file(root: Path) -> Path:
    """Return the lock that one writer to MLflow at a time holds."""
    return root / ".resnetbk" / "mlflow.lock"
