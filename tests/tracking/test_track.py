"""Results into a real MLflow database and back, through MLflow's own client."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from filelock import FileLock
from tests.tracking.miniature import make_cell, make_project

from resnetbk.errors import UserError
from resnetbk.params import load_params
from resnetbk.repro.files import write_json
from resnetbk.tracking import mlflow_run, mlflow_store
from resnetbk.tracking.location import lock_file
from resnetbk.tracking.pipeline_run import PARENT_TAG
from resnetbk.tracking.spool import record_cell
from resnetbk.tracking.track import track


@pytest.fixture
def client(database):
    return open_database(database)


def open_database(path):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{path}")


def runs(client, experiment="resnetbk/own parameters"):
    found = client.get_experiment_by_name(experiment)
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])} if found else {}


def artifact(client, run, path):
    with open(client.download_artifacts(run.info.run_id, path), encoding="utf-8") as file:
        return file.read()


def test_a_cell_is_shown_whole(project, params, client):
    subprocess.run(["git", "init", "--quiet", "--initial-branch=trunk"], check=True)
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "add", "params.yaml"], check=True)
    subprocess.run(["git", *identity, "commit", "--quiet", "--message=first"], check=True)
    with open("params.yaml", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    record_cell(stage="train", model="mamba", seed=0, seconds=60.0, tokens=614_400)
    record_cell(stage="evaluate", model="mamba", seed=0, seconds=2.0)

    assert track(params, root=project)

    run = runs(client)["mamba-0"]
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == pytest.approx(60_000, abs=2)
    assert run.data.params["models.mamba.state_size"] == "16"
    assert run.data.params["run.seeds"] == "[0]"
    assert run.data.params["run.determinism"] == "portable"
    assert run.data.metrics["test/loss"] == 3.5
    assert run.data.metrics["test/bits_per_byte"] == 1.5
    assert run.data.metrics["model/parameters_total"] == 1_000_000
    assert run.data.metrics["time/train_tokens_per_second"] == 10_240
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    expected = {
        "model": "mamba",
        "seed": "0",
        "dvc_stage": "train@mamba-0 evaluate@mamba-0",
        "mlflow.source.git.commit": head,
        "git_branch": "trunk",
        "git_dirty": "true",
        "data_sha256.test": "3" * 64,
        "weights_sha256": "4" * 64,
        "provenance": "recorded by train",
    }
    assert expected.items() <= run.data.tags.items()
    assert {"cpu", "python", "code_sha256"} <= run.data.tags.keys()
    assert "+# changed" in artifact(client, run, "provenance/git.diff")
    assert "mlflow==" in artifact(client, run, "provenance/packages.txt")
    assert json.loads(artifact(client, run, "evaluate.json"))["loss"] == 3.5
    assert {data.dataset.name: data.dataset.digest for data in run.inputs.dataset_inputs} == {
        "tiny/train": "1" * 36,
        "tiny/validation": "2" * 36,
        "tiny/test": "3" * 36,
    }


def test_curves_are_whole_and_in_order(project, params, client):
    track(params, root=project)
    run_id = runs(client)["resnet_bk-0"].info.run_id
    history = client.get_metric_history(run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(s, 8 - s / 600) for s in range(10, 601, 10)]
    assert [point.step for point in client.get_metric_history(run_id, "validation/loss")] == [
        *range(100, 601, 100)
    ]
    assert [point.step for point in client.get_metric_history(run_id, "test/loss_by_position")] == [
        *range(0, 256, 16)
    ]


def test_the_comparison_carries_numbers_words_and_the_report(project, params, client):
    track(params, root=project)
    run = runs(client)["comparison"]
    assert run.data.metrics == {"mamba.loss": 3.5, "p.0": 0.5}
    assert run.data.tags["verdict"] == "undecided"
    assert artifact(client, run, "report/index.html") == "<h1>Report</h1>"
    assert artifact(client, run, "plots/curves.svg") == "<svg/>"


def test_sending_again_adds_nothing_and_a_new_result_adds_one_run(project, params, client, capsys):
    track(params, root=project)
    track(params, root=project)
    assert len(runs(client)) == 3
    assert "0 runs sent, 3 were there already" in capsys.readouterr().out
    (project / "report/index.html").write_text("<h1>Another page of the same results</h1>")
    track(params, root=project)
    assert "1 runs sent, 2 were there already" in capsys.readouterr().out
    assert "Another page" in artifact(client, runs(client)["comparison"], "report/index.html")


def test_other_results_are_another_pipeline_run_in_an_experiment_of_its_own(project, params, client):
    track(params, root=project)
    make_cell(project, "mamba", 0, steps=600, loss=3.4)
    track(params, root=project)
    first, second = runs(client), runs(client, "resnetbk/own parameters 2")
    assert first.keys() == second.keys()
    assert first["mamba-0"].data.metrics["test/loss"] == 3.5
    assert second["mamba-0"].data.metrics["test/loss"] == 3.4


@pytest.mark.nightly
def test_one_experiment_for_all_holds_a_parent_for_each_pipeline_run(project, params, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "all of them")
    track(params, root=project)
    monkeypatch.setenv("DVC_EXP_NAME", "hazy-owl")
    track(params, root=project)
    track(params, root=project)
    (found,) = (e for e in client.search_experiments() if e.name != "Default")
    assert found.name == "all of them"
    parents = {run.data.tags.get(PARENT_TAG) for run in client.search_runs([found.experiment_id])}
    assert len(parents) == 3, "two, and none for themselves"
    assert len(client.search_runs([found.experiment_id])) == 6


def test_a_parent_run_has_a_child_for_each_cell(project, params, client):
    track(params, root=project)
    found = runs(client)
    parent = found.pop("comparison")
    assert sorted(found) == ["mamba-0", "resnet_bk-0"]
    assert {run.data.tags[PARENT_TAG] for run in found.values()} == {parent.info.run_id}
    assert parent.data.tags["models"] == "resnet_bk, mamba"
    assert len(parent.data.params) > len(found["mamba-0"].data.params)
    assert "models.resnet_bk.layers" not in found["mamba-0"].data.params


def test_a_database_that_is_lost_is_filled_again(project, params, client, empty_database, monkeypatch):
    track(params, root=project)
    before = {name: run.data.metrics for name, run in runs(client).items()}
    shutil.copy(empty_database, project / "another.db")
    shutil.rmtree(project / "mlruns")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///another.db")
    track(params, root=project)
    again = runs(open_database(project / "another.db"))
    assert {name: run.data.metrics for name, run in again.items()} == before


def test_a_queued_experiment_lands_in_the_main_repositorys_database(project, tmp_path, client, monkeypatch):
    copy = tmp_path / "copy"
    (copy / ".dvc").mkdir(parents=True)
    make_project(copy)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.setenv("DVC_EXP_NAME", "hazy-owl")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "c0ffee")
    record_cell(stage="train", model="mamba", seed=0, seconds=1.0)
    assert track(load_params(), root=copy)
    shutil.rmtree(copy)
    found = runs(client, "resnetbk/hazy-owl")
    assert sorted(found) == ["comparison", "mamba-0", "resnet_bk-0"]
    for run in found.values():
        assert (run.data.tags["dvc_exp_name"], run.data.tags["dvc_exp_baseline_rev"]) == ("hazy-owl", "c0ffee")
    assert "33.0" in artifact(client, found["mamba-0"], "evaluate.json")


def test_an_experiment_shows_its_unchanged_cells_too(project, params, client, monkeypatch):
    track(params, root=project)
    monkeypatch.setenv("DVC_EXP_NAME", "hazy-owl")
    track(params, root=project)
    assert runs(client).keys() == runs(client, "resnetbk/hazy-owl").keys()


def test_a_run_left_half_written_is_sent_again_whole(project, params, client, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mlflow_run, "_dataset", killed)
        with pytest.raises(KeyboardInterrupt):
            track(params, root=project)
    assert {run.info.status for run in runs(client).values()} == {"RUNNING"}
    track(params, root=project)
    assert {run.info.status for run in runs(client).values()} == {"FINISHED"}
    assert len(runs(client)) == 3


def test_long_histories_and_long_values_stay_within_mlflows_limits(project, params, client):
    make_cell(project, "mamba", 0, steps=20_000)  # 6,000 points and more
    write_json(project / "metrics/summary.json", {"verdict": "x" * 9000, "95 % (a)": 1.0})
    assert track(params, root=project)
    found = runs(client)
    history = client.get_metric_history(found["mamba-0"].info.run_id, "train/loss")
    assert [point.step for point in history] == [*range(10, 20_001, 10)]
    assert found["comparison"].data.tags["verdict"] == "x" * 7997 + "..."
    assert found["comparison"].data.metrics == {"95 _ _a_": 1.0}


def test_a_missing_cell_is_an_error_that_names_it(project, params):
    (project / "metrics/evaluate/mamba-0.json").unlink()
    with pytest.raises(UserError, match=r"metrics/evaluate/mamba-0\.json: not found"):
        track(params, root=project)


def test_two_pipelines_that_open_a_fresh_database_at_once_both_succeed(project):
    stages = [
        subprocess.Popen(
            [sys.executable, "-m", "stages.track"],
            env={**os.environ, "DVC_EXP_NAME": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for stage in stages:
        out, err = stage.communicate(timeout=300)
        assert stage.returncode == 0, err
        assert "3 runs sent" in out, err
    client = open_database(project / "mlflow.db")
    assert len(runs(client, "resnetbk/one")) == len(runs(client, "resnetbk/two")) == 3


def test_nobody_opens_the_database_while_another_holds_the_lock(project, params, capsys, monkeypatch):
    monkeypatch.setattr(mlflow_store, "LOCK_TIMEOUT", 0.1)
    with FileLock(lock_file(project)):
        assert not track(params, root=project)
    assert "mlflow.lock" in capsys.readouterr().err
    assert not (project / "mlflow.db").exists()


def test_a_database_that_is_none_is_a_warning_and_not_a_failure(project, params, capsys):
    (project / "mlflow.db").write_text("this is no database\n" * 100)
    assert not track(params, root=project)
    assert "did not take 3 of 3 runs (resnet_bk-0, mamba-0, comparison)" in capsys.readouterr().err
    assert (project / "mlflow.db").read_text().startswith("this is no database")


def test_what_was_sent_before_a_failure_is_kept_and_the_warning_names_the_rest(project, params, client, capsys):
    write_json(project / "metrics/summary.json", {"a//b": 1.0})  # a name that MLflow refuses
    assert not track(params, root=project)
    assert "did not take 1 of 3 runs (comparison)" in capsys.readouterr().err
    assert {"mamba-0", "resnet_bk-0"} <= runs(client).keys()
