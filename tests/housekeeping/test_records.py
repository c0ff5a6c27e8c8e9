"""Records and journals: kept while MLflow could still ask for them."""

from __future__ import annotations

import hashlib
import json
import os
import time

from tests.housekeeping.repository import Repository

from resnetbk.housekeeping.cache import Cache
from resnetbk.housekeeping.records import sent_to_the_end, unneeded_records
from resnetbk.housekeeping.results import Results
from resnetbk.housekeeping.versions import Versions

MANIFEST = b'{"final_weights": "1234"}'


def results_of(repository: Repository) -> Results:
    versions = Versions(repository.path)
    return Results(versions, Cache(repository.path / ".dvc/cache", versions))


def record(repository: Repository, made: bytes, *, stage: str = "train", model: str = "mamba") -> str:
    """Leave the record of a stage that made a file with this content."""
    digest = hashlib.sha256(made).hexdigest()
    path = repository.path / f".resnetbk/spool/{stage}-{model}-0-{digest[:16]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"output": digest, "model": model, "seed": 0}))
    return path.name


def test_records_of_results_that_no_version_has_are_found(repository: Repository):
    model = repository.cached_folder({"manifest.json": MANIFEST, "weights.safetensors": b"w"})
    repository.lock({"models/mamba-0": model, "metrics/evaluate/mamba-0.json": repository.cached(b"loss")})
    repository.commit()
    record(repository, MANIFEST)
    record(repository, b"loss", stage="evaluate")
    (repository.path / ".resnetbk/spool/mine.json").write_text("{}")
    gone = record(repository, b"another manifest")
    results = results_of(repository)
    assert [finding.name for finding in unneeded_records(repository.path, results)] == [gone]
    assert results.weights == {"1234"}


def test_records_of_a_cell_whose_results_are_not_at_hand_are_kept(repository: Repository):
    repository.lock({"models/mamba-0": "1" * 32 + ".dir"})
    repository.commit()
    record(repository, MANIFEST)
    gone = record(repository, MANIFEST, model="gpt2")
    assert [finding.name for finding in unneeded_records(repository.path, results_of(repository))] == [gone]


def test_journals_are_found_once_they_have_ended_and_were_sent_everywhere(repository: Repository):
    live, sent = repository.path / ".resnetbk/live", repository.path / ".resnetbk/sent"
    live.mkdir(parents=True)
    begin = {"kind": "begin", "time": time.time(), "stage": "train", "cell": "a-0", "pid": os.getpid()}
    end = {"kind": "end", "time": time.time(), "step": 3, "outcome": "finished"}
    for name, lines in {"done": [begin, end], "unsent": [begin, end], "running": [begin]}.items():
        (live / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(sent_to_the_end(repository.path)) == [], "nothing was sent anywhere yet"
    sent.mkdir()
    ended = {"done.jsonl": {"ended": True}, "running.jsonl": {"ended": True}, "unsent.jsonl": {"ended": False}}
    (sent / "mlflow-1.json").write_text(json.dumps({"journals": ended, "runs": {}}))
    assert [finding.name for finding in sent_to_the_end(repository.path)] == ["done.jsonl"]
