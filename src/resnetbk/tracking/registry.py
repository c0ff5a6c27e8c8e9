"""The best cell's model in MLflow's registry: its weights as safetensors, its signature, and the alias `best`.

Nothing is pickled: `mlflow.pyfunc.load_model("models:/resnetbk@best")` uses `resnetbk.tracking.served_model`.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnetbk.repro.files import sha256_file, write_json
from resnetbk.tracking.location import PROJECT

if TYPE_CHECKING:
    from mlflow import MlflowClient

FOLDER = "model"  # among a run's artifacts
BEST = "best"  # the least validation loss of all versions on the same validation tokens
WEIGHTS, DESCRIPTION, MANIFEST = "weights.safetensors", "model.json", "manifest.json"


@dataclass(frozen=True)
class StoredModel:
    """A trained cell as the registry keeps it; `alias` is that of its pipeline run."""

    alias: str
    cell: Path  # the folder with weights and manifest
    manifest: dict[str, Any]
    vocabulary_size: int
    validation_loss: float  # in nats per token, at the end of training
    validation_sha256: str  # of the tokens it was measured on


def add_model(model: StoredModel, artifacts: Path, run_id: str) -> None:
    """Put a model's folder among the artifacts of a run: MLmodel with its signature, weights, manifest."""
    import numpy as np
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    folder = artifacts / FOLDER
    folder.mkdir(parents=True)
    for name in (WEIGHTS, MANIFEST):
        shutil.copyfile(model.cell / name, folder / name)
    described = {key: model.manifest[key] for key in ("model", "config", "parameter_budget", "seed")}
    described |= {"vocabulary_size": model.vocabulary_size, "weights_sha256": sha256_file(folder / WEIGHTS)}
    write_json(folder / DESCRIPTION, described)
    shape = (-1, -1)  # sequences and their length; the logits of the token after each
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.int64), shape)]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (*shape, model.vocabulary_size))]),
    )
    mlmodel = Model(artifact_path=FOLDER, run_id=run_id, signature=signature)
    mlmodel.add_flavor("python_function", loader_module="resnetbk.tracking.served_model")
    mlmodel.save(str(folder / "MLmodel"))


def register(client: MlflowClient, run_id: str, model: StoredModel, tags: dict[str, str]) -> None:
    """Make a run's model a version in the registry, and let the aliases name it where they should."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(PROJECT, description="The best cell of each pipeline run.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    facts = {
        "validation_loss": json.dumps(model.validation_loss),
        "data_sha256.validation": model.validation_sha256,
        "weights_sha256": model.manifest["final_weights"],
    }
    versions = list(client.search_model_versions(f"name = '{PROJECT}'", max_results=10_000))
    mine = next((version for version in versions if version.run_id == run_id), None)
    if mine is None:  # a killed `track` may have come this far
        mine = client.create_model_version(PROJECT, f"runs:/{run_id}/{FOLDER}", run_id, tags=tags | facts)
        versions.append(mine)
    client.set_registered_model_alias(PROJECT, model.alias, mine.version)
    comparable = [v for v in versions if v.tags.get("data_sha256.validation") == model.validation_sha256]
    best = min(comparable, key=lambda version: float(version.tags["validation_loss"]))
    client.set_registered_model_alias(PROJECT, BEST, best.version)


def as_alias(text: str) -> str:
    """Turn a name into an alias as MLflow takes it: letters, digits, `_` and `-`; none of its reserved words."""
    alias = re.sub(r"[^\w-]", "-", text, flags=re.ASCII)
    return f"of-{alias}" if re.fullmatch(r"latest|best|v\d+", alias, re.I) else alias
