"""Trainings that run, in a real MLflow database: seen at once, completed in place."""

import shutil
import subprocess
import sys
import time

import pytest
from tests.tracking.test_track import open_database, runs
from tests.tracking.trainings import write_journal

from resnetbk.params import load_params
from resnetbk.repro.files import write_json
from resnetbk.tracking.live import open_senders, send_once
from resnetbk.tracking.pipeline_run import PARENT_TAG
from resnetbk.tracking.track import track


def steps(client, run, metric):
    return sorted(point.step for point in client.get_metric_history(run.info.run_id, metric))


def send(project):
    assert send_once(open_senders(["mlflow"], project)) == []


def test_a_run_grows_resumes_and_is_completed_by_track_under_the_same_id(project, database, params):
    client = open_database(database)
    write_journal(project, steps=range(10, 301, 10), end="interrupted")
    send(project)
    growing = runs(client)["mamba-0"]
    assert growing.info.status == "KILLED"
    assert growing.data.tags["outcome"] == "interrupted"
    assert growing.data.params["models.mamba.state_size"] == "16"
    assert growing.data.tags[PARENT_TAG] == runs(client)["comparison"].info.run_id
    assert steps(client, growing, "train/loss") == [*range(10, 301, 10)]

    write_journal(project, steps=range(250, 601, 10), from_step=240)
    track(params, root=project)  # sends what is new first
    found = runs(client)
    assert sorted(found) == ["comparison", "mamba-0", "resnet_bk-0"]
    whole = found["mamba-0"]
    assert (whole.info.run_id, whole.info.status) == (growing.info.run_id, "FINISHED")
    assert steps(client, whole, "train/loss") == [*range(10, 601, 10)], "no step twice"
    assert steps(client, whole, "time/forward_seconds") == [*range(10, 601, 10)], "which no versioned file has"
    assert whole.data.metrics["test/loss"] == 3.5


@pytest.mark.nightly
def test_attempts_that_were_killed_early_do_not_stay_beside_the_result(project, database, params):
    write_journal(project, steps=range(10, 31, 10), end="interrupted")
    write_journal(project, steps=range(10, 601, 10))
    send(project)
    track(params, root=project)
    client = open_database(database)
    (experiment,) = client.search_experiments(filter_string="name LIKE 'resnetbk/%'")
    found = client.search_runs([experiment.experiment_id], "attributes.run_name = 'mamba-0'")
    assert [run.info.status for run in found] == ["FINISHED"]
    assert steps(client, found[0], "time/forward_seconds") == [*range(10, 601, 10)]


@pytest.mark.nightly
def test_a_sender_that_lost_its_memory_makes_no_second_run(project, database, params):
    client = open_database(database)
    write_journal(project, steps=range(10, 301, 10), end="interrupted")
    write_journal(project, steps=range(250, 601, 10), from_step=240)
    track(params, root=project)
    shutil.rmtree(project / ".resnetbk/sent")
    send(project)
    assert len(client.search_experiments(filter_string="name LIKE 'resnetbk/%'")) == 1
    assert len(runs(client)) == 3
    history = client.get_metric_history(runs(client)["mamba-0"].info.run_id, "time/forward_seconds")
    assert len({point.step for point in history}) == 60


@pytest.mark.nightly
def test_a_run_of_other_values_is_not_taken_for_the_results(project, database, params):
    client = open_database(database)
    write_journal(project, steps=range(10, 601, 10), loss=9.0)
    track(params, root=project)
    (experiment,) = client.search_experiments(filter_string="name LIKE 'resnetbk/%'")
    found = client.search_runs([experiment.experiment_id], "attributes.run_name = 'mamba-0'")
    assert sorted(len(run.data.metrics) for run in found)[0] == 3, "the other training stays as it was"
    assert len(found) == 2


def test_a_trial_is_shown_while_it_runs_and_completed_under_the_same_id(project, database, params):
    rates = {"learning_rate": 0.002, "weight_decay": 0.1}
    write_journal(project, stage="tune", trial=rates)
    send(project)
    client, name = open_database(database), "tune mamba learning_rate 0.002 weight_decay 0.1 seed 0"
    growing = runs(client)[name]
    history = [{"step": 60, "tokens": 600, "loss": 7.9}, {"step": 120, "tokens": 1200, "validation_loss": 5.5}]
    finished = {"seed": 0, "diverged_at": None, "history": history}
    lost = {"seed": 1, "diverged_at": 7, "history": []}
    trials = [rates | {"runs": [finished, lost]}]
    trials += [rates | {"weight_decay": 0.3, "validation_loss": 5.4, "diverged_at": None}]  # of an earlier version
    write_json(project / "metrics/tune/mamba/0.002.json", {"seed": 1000, "steps": 120, "trials": trials})
    track(params, root=project)
    found = runs(client)
    assert found[name].info.run_id == growing.info.run_id
    assert (found[name].data.metrics["validation/loss"], found[name].data.metrics["train/loss"]) == (5.5, 7.9)
    earlier = found["tune mamba learning_rate 0.002 weight_decay 0.3 seed 1000"]
    assert earlier.data.metrics == {"validation/loss": 5.4}
    assert found[name].data.params["trial.learning_rate"] == "0.002"
    diverged = found["tune mamba learning_rate 0.002 weight_decay 0.1 seed 1"]
    assert (diverged.data.tags["outcome"], diverged.data.metrics["tune/diverged_at"]) == ("diverged", 7)
    assert len(found) == 6


@pytest.mark.nightly
def test_an_experiments_training_goes_to_its_own_experiment(project, database, params, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("DVC_EXP_NAME", "hazy-owl")
        write_journal(project)
    write_journal(project, "resnet_bk-0")
    send(project)
    client = open_database(database)
    assert runs(client, "resnetbk/hazy-owl")["mamba-0"].data.tags["dvc_exp_name"] == "hazy-owl"
    assert sorted(runs(client)) == ["comparison", "resnet_bk-0"]


@pytest.mark.nightly
def test_a_database_that_is_lost_is_begun_again(project, database, empty_database):
    path = write_journal(project, end=None)
    send(project)
    shutil.copy(empty_database, database)
    with path.open("a") as file:
        file.write('{"kind":"points","time":1.0,"step":70,"tokens":1,"metrics":{"train/loss":1.0}}\n')
    send(project)
    client = open_database(database)
    assert steps(client, runs(client)["mamba-0"], "train/loss") == [*range(10, 71, 10)]


@pytest.mark.nightly
def test_the_systems_metrics_are_logged_on_request_to_the_parent(project, database, monkeypatch):
    write_journal(project, end=None)
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "1")
    for asked in ("false", "true"):
        monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", asked)
        shutil.rmtree(project / ".resnetbk/sent", ignore_errors=True)
        (sender,) = open_senders(["mlflow"], project)
        sender.drain()
        time.sleep(8)
        sender.close()
        shown = runs(open_database(database))["comparison"].data.metrics
        assert ("system/cpu_utilization_percentage" in shown) == (asked == "true")


@pytest.mark.nightly
def test_a_full_disk_under_the_database_costs_a_warning_and_loses_nothing(project, database):
    """The limit on a file's size is what a full disk is to SQLite: a write that fails."""
    write_journal(project)
    code = (
        "import os, resource; size = os.path.getsize('mlflow.db') + 4096;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size));"
        "from pathlib import Path; from resnetbk.params import load_params;"
        "from resnetbk.tracking.track import track;"
        "assert not track(load_params(), root=Path())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "did not take 3 of 3 runs" in done.stderr
    assert track(load_params(), root=project)
    client = open_database(database)
    assert steps(client, runs(client)["mamba-0"], "train/loss") == [*range(10, 601, 10)]
