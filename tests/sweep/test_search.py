"""Sweeps as a whole, in the small project: DVC and MLflow tell the same story, and a kill loses nothing."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from tests.pipeline.project import Project, copy_repository

pytest.importorskip("optuna", reason="sweeps need Optuna: pip install -e '.[sweep]'")

from resnetbk.sweep.search import diverged

RATE, HEADS = "train.learning_rate", "models.resnet_bk.heads"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The small project with trainings long enough to meet one another."""
    made = copy_repository(tmp_path)
    made.set("train.steps", 200)
    made.set("train.validation_interval", 100)
    made.run("git commit -qam Longer")
    return made


def by_dvc(project: Project) -> dict[str, tuple]:
    """Return each experiment's learning rate, heads and test loss, as `dvc exp show` has them."""
    shown = json.loads(project.run("dvc exp show --json 2> /dev/null").stdout)
    found = {}
    for baseline in shown:
        for experiment in baseline["experiments"] or []:
            data = experiment["revs"][0]["data"]
            params = data["params"]["params.yaml"]["data"]
            loss = data["metrics"]["metrics/summary.json"]["data"]["resnet_bk"]["loss"]
            found[experiment["name"]] = (
                params["train"]["learning_rate"],
                params["models"]["resnet_bk"]["heads"],
                loss,
            )
    return found


def by_mlflow(project: Project) -> dict[str, tuple]:
    """Return the same of MLflow's run of the cell resnet_bk-0."""
    script = (
        "import json; from mlflow import MlflowClient;"
        "c = MlflowClient('sqlite:///mlflow.db'); ids = [e.experiment_id for e in c.search_experiments()];"
        "print(json.dumps([[r.data.tags, r.data.params, r.data.metrics] for r in c.search_runs(ids)]))"
    )
    runs = json.loads(project.run(f'python -c "{script}" 2> /dev/null').stdout)
    cells = [
        (tags["dvc_exp_name"], (float(params[RATE]), int(params[HEADS]), metrics["test/loss"]))
        for tags, params, metrics in runs
        if tags.get("model") == "resnet_bk" and tags.get("dvc_exp_name") and "test/loss" in metrics
    ]
    assert len(cells) == len(dict(cells)), "each result stands once"
    return dict(cells)


@pytest.mark.nightly
def test_a_grid_in_the_queue_two_at_a_time_is_the_same_in_dvc_and_in_mlflow(project: Project):
    """The experiments share cells: with two at once, both train the same Mamba at the same time."""
    project.run(f"dvc exp run --queue -S '{RATE}=1e-3,3e-3' -S '{HEADS}=4,8'")
    project.run("dvc queue start -j 2")
    for _ in range(360):
        time.sleep(5)
        status = project.run("dvc queue status").stdout
        if "Queued" not in status and "Running" not in status:
            break
    assert status.count("Success") == 4, status
    shown, tracked = by_dvc(project), by_mlflow(project)
    assert {values[:2] for values in shown.values()} == {(r, h) for r in (1e-3, 3e-3) for h in (4, 8)}
    assert shown.keys() == tracked.keys()
    for name, values in shown.items():
        assert tracked[name] == pytest.approx(values, rel=1e-7)


@pytest.mark.nightly
def test_a_sweep_that_is_killed_goes_on_with_the_experiment_that_outlived_it(project: Project):
    command = (
        f"resnetbk sweep run lr -S '{RATE}=tag(log,interval(1e-4,1e-2))' -S '{HEADS}=4,8' --trials 3 "
        "--sampler random --jobs 2"
    )
    sweep = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=project.path, env=project.environment())
    live = project.path / ".resnetbk/live"
    until = time.monotonic() + 600
    try:
        while not list(live.glob("train-*")):
            assert time.monotonic() < until and sweep.poll() is None
            time.sleep(0.2)
    finally:
        sweep.kill()
        sweep.wait()
    project.run(command)
    shown, tracked = by_dvc(project), by_mlflow(project)
    assert sorted(shown) == sorted(tracked) == ["lr-0", "lr-1", "lr-2"]
    said = project.run("resnetbk sweep show lr").stdout.splitlines()
    losses = {line.split()[0]: float(line.split()[1]) for line in said[:3]}
    for name, loss in losses.items():
        script = f"dvc.api.read('metrics/train/resnet_bk-0.jsonl', rev='{name}')"
        rows = project.run(f'python -c "import dvc.api; print({script})"').stdout.splitlines()
        assert json.loads([row for row in rows if "validation_loss" in row][-1])[
            "validation_loss"
        ] == pytest.approx(loss, abs=5e-5)
    assert min(losses, key=losses.get) in said[3]
    assert project.run(command.replace("1e-4", "1e-5"), check=False).returncode == 1


@pytest.mark.parametrize(
    ("stage", "experiment", "outcome", "expected"),
    [
        ("train", "lr-3", "diverged", True),
        ("train", "lr-3", "failed", False),
        ("train", "lr-30", "diverged", False),
        ("tune", "lr-3", "diverged", False),  # one of many trials: another may have been the best
    ],
)
def test_a_training_that_diverged_is_told_by_its_journal(
    tmp_path: Path, stage: str, experiment: str, outcome: str, expected: bool
):
    (tmp_path / ".resnetbk/live").mkdir(parents=True)
    begin = {"kind": "begin", "time": 0, "stage": stage, "experiment": experiment, "pid": 1}
    lines = [begin, {"kind": "end", "time": 1, "step": 2, "outcome": outcome}]
    (tmp_path / ".resnetbk/live/a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert diverged(tmp_path, "lr-3") is expected
