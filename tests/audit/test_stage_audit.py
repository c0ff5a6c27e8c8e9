"""The stage as DVC runs it: a report and nothing else on success, one message and no out on failure."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path):
    """A repository with the real stages and dvc.yaml, and a model small enough for a test."""
    for name in ("src", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["run"]["parameter_budget"] = 8000
    params["models"]["resnet_bk"] |= {"layers": 1, "heads": 2, "mixer": "exponential"}
    params["audit"] |= {"length": 24, "batch_size": 2}
    yaml.dump(params, tmp_path / "params.yaml")
    return tmp_path


def run(repository):
    return subprocess.run(
        [sys.executable, "-m", "stages.audit", "--model", "resnet_bk"],
        cwd=repository,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_sound_model_gets_a_report(repository, write_corpus, documents):
    write_corpus(repository / "data/corpus", documents)
    outcome = run(repository)
    assert outcome.returncode == 0, outcome.stderr
    report = json.loads((repository / "metrics/audit/resnet_bk.json").read_text())
    assert report["passed"] and "src/resnetbk/models/mixers/exponential.py" in report["code"]
    assert not [file for file in report["code"] if "mamba" in file or "propagator" in file]


def test_failed_audit_writes_nothing(repository, write_corpus, documents):
    documents["train"].append(documents["test"][1])
    write_corpus(repository / "data/corpus", documents)
    outcome = run(repository)
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert "'resnet_bk' fails 1 of 6 audits" in outcome.stderr
    assert "split_leakage: 1 document(s)" in outcome.stderr
    assert not (repository / "metrics").exists()
