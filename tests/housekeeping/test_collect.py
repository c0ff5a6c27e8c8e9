"""`resnetbk gc`: shows first, removes when told, refuses while anybody works."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.housekeeping.repository import Repository
from tests.pipeline.project import Project, copy_repository

from resnetbk.errors import UserError
from resnetbk.housekeeping.collect import collect


@pytest.fixture
def project(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    (repository.path / ".dvc").mkdir()
    repository.lock({"a": repository.cached(b"needed")})
    repository.commit()
    repository.cached(b"gone")
    monkeypatch.chdir(repository.path)
    return repository


def objects(project: Repository) -> set[bytes]:
    """Return what the objects of the cache hold."""
    return {path.read_bytes() for path in (project.path / ".dvc/cache/files/md5").glob("*/*")}


def test_it_shows_before_it_removes_and_then_finds_nothing(project: Repository):
    shown = collect(project.path, remove=False)
    assert [(finding.kind, finding.size) for finding in shown] == [("object of DVC's cache", 4)]
    assert objects(project) == {b"needed", b"gone"}
    collect(project.path, remove=True)
    assert collect(project.path, remove=False) == []
    assert objects(project) == {b"needed"}


def test_nothing_is_removed_while_the_pipeline_runs(project: Repository):
    running = subprocess.Popen(["bash", "-c", "exec -a stages.train sleep 60"], cwd=project.path)
    try:
        with pytest.raises(UserError, match=f"process {running.pid} runs"):
            collect(project.path, remove=True)
    finally:
        running.kill()
        running.wait()
    assert len(collect(project.path, remove=True)) == 1


def test_nothing_is_removed_when_git_cannot_tell_what_is_needed(project: Repository):
    tree = project.git("rev-parse", "HEAD^{tree}")
    (project.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(UserError, match="`git ls-tree` in "):
        collect(project.path, remove=True)
    assert objects(project) == {b"needed", b"gone"}


def test_a_cache_that_other_projects_may_share_is_left_alone(project: Repository):
    shared = project.path.parent / "shared"
    (project.path / ".dvc/cache").rename(shared)
    (project.path / ".dvc/config").write_text(f"[cache]\n    dir = {shared}\n")
    assert collect(project.path, remove=True) == []
    assert len([path for path in shared.rglob("*") if path.is_file()]) == 2


@pytest.mark.nightly
def test_what_a_removed_experiment_left_goes_and_all_else_still_works(tmp_path: Path):
    project = copy_repository(tmp_path)
    project.run("dvc exp run --name base && dvc exp apply base && git add -A && git commit -qm Run")
    for name, rate in (("kept", "1e-3"), ("dropped", "2e-3")):
        project.run(f"dvc exp run --temp --name {name} -S models.resnet_bk.heads=2 -S train.learning_rate={rate}")
    own = project.path / "models/my-notes.txt"
    own.write_text("mine")
    project.run("resnetbk gc --yes")
    assert {run["dvc_exp_name"] for run in runs(project)} >= {"kept", "dropped"}
    project.run("dvc exp remove dropped")
    said = project.run("resnetbk gc --yes --verbose").stdout
    assert "run in MLflow" in said and "object of DVC's cache" in said and "record of a cell" in said
    left = {run["dvc_exp_name"] for run in runs(project)}
    assert "kept" in left and "dropped" not in left
    assert "Everything here is needed" in project.run("resnetbk gc").stdout
    assert own.read_text() == "mine"
    own.unlink()
    assert project.run("dvc status --quiet && git status --porcelain").stdout == ""
    project.run("rm -r models/*-0 metrics/train/*.jsonl && dvc checkout && dvc status --quiet")
    project.run("dvc exp apply kept && dvc status --quiet")


def runs(project: Project) -> list[dict[str, str]]:
    """Return the tags of every run in MLflow, those marked as deleted too."""
    script = (
        "import json; from mlflow import MlflowClient; from mlflow.entities import ViewType;"
        "c = MlflowClient('sqlite:///mlflow.db'); view = ViewType.ALL;"
        "ids = [e.experiment_id for e in c.search_experiments(view_type=view)];"
        "print(json.dumps([r.data.tags for r in c.search_runs(ids, run_view_type=view)]))"
    )
    found = json.loads(project.run(f'python -c "{script}" 2> /dev/null').stdout)
    return [{"dvc_exp_name": "", **tags} for tags in found]
