"""A real `mlflow ui` process: it shows what was sent to the database, and takes what is sent over HTTP."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import requests
from tests.tracking.miniature import make_project

from resnetbk.params import load_params
from resnetbk.tracking.track import track


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(folder):
    """`mlflow ui` as the README has it, in a folder with its mlflow.db; yields its URL."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **quiet}  # eight more processes otherwise, for jobs that nobody starts here
    log = (folder.parent / "ui.log").open("w+")
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(url, server, log)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
        log.close()


@pytest.fixture
def ui(project, database):
    """The server of a project whose results were sent to its database."""
    assert track(load_params(), root=project)
    with serve(project) as url:
        yield url


def wait_for(url, server, log):
    deadline = time.monotonic() + 90
    while True:
        try:
            if requests.get(f"{url}/health", timeout=5).text == "OK":
                return
        except requests.ConnectionError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            log.seek(0)
            pytest.fail(f"mlflow ui did not start:\n{log.read()[-3000:]}")
        time.sleep(0.2)


def search(url, experiment):
    """Ask the API that the pages of `mlflow ui` ask, for the runs of an experiment or of a project's only one."""
    api = f"{url}/api/2.0/mlflow"
    reply = requests.post(f"{api}/experiments/search", json={"max_results": 100}, timeout=20)
    listed = reply.json()["experiments"]
    (found,) = (e["experiment_id"] for e in listed if f"{e['name']}/".startswith(f"{experiment}/"))
    reply = requests.post(f"{api}/runs/search", json={"experiment_ids": [found]}, timeout=20)
    return {run["info"]["run_name"]: run for run in reply.json()["runs"]}


def test_mlflow_ui_shows_the_database_and_takes_runs_over_http(ui, project, tmp_path, monkeypatch, capsys):
    local = search(ui, "resnetbk")
    assert sorted(local) == ["comparison", "mamba-0", "resnet_bk-0"]
    assert_complete(ui, local)

    elsewhere = tmp_path / "elsewhere"
    (elsewhere / ".dvc").mkdir(parents=True)
    make_project(elsewhere)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", ui)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "sent")
    assert track(load_params(), root=elsewhere), capsys.readouterr().err
    assert not (elsewhere / "mlflow.db").exists()
    assert not (elsewhere / "mlruns").exists()
    shutil.rmtree(elsewhere)
    sent = search(ui, "sent")
    assert sorted(sent) == sorted(local)
    assert_complete(ui, sent)


def assert_complete(url, runs):
    metrics = {metric["key"]: metric["value"] for metric in runs["mamba-0"]["data"]["metrics"]}
    assert metrics["test/loss"] == 3.5
    query = {"run_uuid": runs["comparison"]["info"]["run_id"], "path": "report/index.html"}
    assert requests.get(f"{url}/get-artifact", query, timeout=20).text == "<h1>Report</h1>"


def test_a_server_that_is_down_is_one_warning_and_exit_0_within_seconds(project):
    down = f"http://user:pa55word@127.0.0.1:{free_port()}"
    start = time.monotonic()
    stage = subprocess.run(
        [sys.executable, "-m", "stages.track"],
        env={**os.environ, "MLFLOW_TRACKING_URI": down},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert stage.returncode == 0
    assert "did not take 3 of 3 runs (resnet_bk-0, mamba-0, comparison)" in stage.stderr
    assert "dvc repro -f -s track" in stage.stderr
    assert "pa55word" not in stage.stderr + stage.stdout
    assert time.monotonic() - start < 60
