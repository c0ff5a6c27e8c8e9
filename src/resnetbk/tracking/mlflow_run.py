"""What stands in one MLflow run: data, params, tags, points and artifacts, none of it with a secret."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from resnetbk.tracking.mlflow_store import log_points, log_texts
from resnetbk.tracking.registry import add_model
from resnetbk.tracking.run import DataSplit, TrackedRun
from resnetbk.tracking.secrets import without_secrets

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST_LENGTH = 36  # MLflow's limit on a dataset's digest, in characters


def write_run(client: MlflowClient, run_id: str, run: TrackedRun, known: set[tuple[str, int]]) -> None:
    """Write a run's data, params, tags, artifacts and those of its points that are not known yet."""
    end = _end(client, run_id, run)
    start = int(1000 * run.start) if run.start else end
    log_texts(client, run_id, params=run.params, tags=run.tags)
    log_points(
        client,
        run_id,
        (
            (p.name, p.value, start + int((end - start) * p.fraction), p.step)
            for p in run.points
            if (p.name, p.step) not in known
        ),
    )
    if run.data:
        client.log_inputs(run_id, [_dataset(split) for split in run.data])
    with tempfile.TemporaryDirectory(prefix="resnetbk-mlflow-") as folder:
        for name, content in run.artifacts.items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            _place(content, target)
        if run.model:
            add_model(run.model, Path(folder), run_id)
        client.log_artifacts(run_id, folder)


def _place(content: Path | str, target: Path) -> None:
    """Put an artifact where MLflow takes it from; a text loses what is secret, other bytes stay as they are."""
    if isinstance(content, Path):
        try:
            text = content.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            shutil.copyfile(content, target)
            return
        if (clean := without_secrets(text)) == text:
            shutil.copyfile(content, target)
            return
        content = clean
    target.write_text(without_secrets(content), encoding="utf-8")


def _end(client: MlflowClient, run_id: str, run: TrackedRun) -> int:
    """Return the time of a run's last point in Unix milliseconds; the same one however often it is sent."""
    return int(1000 * run.end) if run.end else client.get_run(run_id).info.start_time


def _dataset(split: DataSplit):
    """Return a split as MLflow's own record of a dataset; its digest holds the first half of the SHA-256."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=f"{split.corpus}/{split.split}",
        digest=split.sha256[:DIGEST_LENGTH],
        source_type="code",
        source=without_secrets(json.dumps({"source": split.source, "sha256": split.sha256})),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", split.split)])
