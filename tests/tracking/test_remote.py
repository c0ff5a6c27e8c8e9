"""A real `mlflow server` with PostgreSQL behind it, killed in the middle, and what reaches it all the same."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
import requests
from tests.tracking.postgres import postgres
from tests.tracking.test_server import free_port, search
from tests.tracking.trainings import write_journal

from resnetbk.tracking.sender import sent_journals
from resnetbk.tracking.track import track
from resnetbk.training.journal import new_journal

pytestmark = pytest.mark.nightly
EXPERIMENT = "resnetbk/own parameters"


class Server:
    """`mlflow server` on one port and one database; it can be killed and started again."""

    def __init__(self, folder, backend):
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._log = folder / "server.log"
        self._command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
        self._command += ["--backend-store-uri", backend, "--artifacts-destination", str(folder / "kept")]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._environment = {**os.environ, **quiet}
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if requests.get(f"{self.url}/health", timeout=5).text == "OK":
                    return self
            except requests.ConnectionError:
                time.sleep(0.2)
        pytest.fail(f"mlflow server did not start:\n{self._log.read_text()[-3000:]}")

    def kill(self):
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(params=["postgresql", "sqlite"])
def server(request, tmp_path):
    if request.param == "sqlite":
        yield from run_server(tmp_path, f"sqlite:///{tmp_path}/server.db")
        return
    pytest.importorskip("psycopg")
    with postgres(free_port()) as uri:
        yield from run_server(tmp_path, uri)


def run_server(folder, backend):
    server = Server(folder, backend)
    try:
        yield server.start()
    finally:
        server.kill()


def history(url, run, metric):
    query = {"run_id": run["info"]["run_id"], "metric_key": metric, "max_results": 25_000}
    reply = requests.get(f"{url}/api/2.0/mlflow/metrics/get-history", query, timeout=20).json()
    return [point["step"] for point in reply["metrics"]]


def test_a_server_that_dies_in_the_middle_gets_all_of_it_once(server, project, params, monkeypatch, request):
    """A training of 600 steps, a follower beside it, and a server that is killed twice meanwhile."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    command = [sys.executable, "-m", "resnetbk.cli", "tracking", "send", "--follow"]
    follower = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    request.addfinalizer(follower.kill)
    header = {"stage": "train", "cell": "mamba-0", "model": "mamba", "seed": 0, "steps": 600}
    journal = new_journal(project, {**header, "tokens_per_step": 1024})
    journal.begin(0)
    slowest = 0.0
    for step in range(10, 601, 10):
        start = time.perf_counter()
        journal.points(step, 1024 * step, {"train/loss": 8 - step / 600, "time/forward_seconds": 0.25})
        slowest = max(slowest, time.perf_counter() - start)
        time.sleep(0.5)
        if step in (150, 400):
            server.kill()
        if step in (250, 500):
            server.start()
    journal.end("finished", 600)
    journal.close()
    assert slowest < 0.2, "nothing of it waits for a server"

    while len(sent_journals(project)) < 1:
        time.sleep(0.5)
    growing = search(server.url, EXPERIMENT)["mamba-0"]
    follower.send_signal(signal.SIGTERM)
    _, err = follower.communicate(timeout=60)
    assert follower.returncode == 0, err
    assert "WARNING: mlflow does not take the journals" in err
    assert history(server.url, growing, "time/forward_seconds") == [*range(10, 601, 10)]

    assert track(params, root=project)
    found = search(server.url, EXPERIMENT)
    assert sorted(found) == ["comparison", "mamba-0", "resnet_bk-0"]
    assert found["mamba-0"]["info"]["run_id"] == growing["info"]["run_id"]
    assert history(server.url, found["mamba-0"], "train/loss") == [*range(10, 601, 10)]
    assert requests.get(
        f"{server.url}/api/2.0/mlflow/registered-models/alias", {"name": "resnetbk", "alias": "best"}, timeout=20
    ).json()["model_version"]


def test_a_server_that_is_killed_while_results_are_sent_gets_the_rest_later(server, project, params, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    write_journal(project, steps=range(10, 601, 10))
    killer = threading.Timer(1.0, server.kill)
    killer.start()
    complete = track(params, root=project)
    killer.join()
    server.start()
    assert track(params, root=project)
    found = search(server.url, EXPERIMENT)
    assert sorted(found) == ["comparison", "mamba-0", "resnet_bk-0"], complete
    assert {run["info"]["status"] for run in found.values()} == {"FINISHED"}
    assert history(server.url, found["mamba-0"], "train/loss") == [*range(10, 601, 10)]


def test_two_pipelines_at_once_on_a_fresh_server(server, project):
    stages = [
        subprocess.Popen(
            [sys.executable, "-m", "stages.track"],
            env={**os.environ, "MLFLOW_TRACKING_URI": server.url, "DVC_EXP_NAME": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in ("one", "two")
    ]
    for stage in stages:
        assert "3 runs sent" in stage.communicate(timeout=300)[0]
    assert len(search(server.url, "resnetbk/one")) == len(search(server.url, "resnetbk/two")) == 3


def test_no_password_and_no_token_is_in_anything_that_was_written(
    server, project, params, tmp_path, monkeypatch, capfd
):
    """A password in the server's address, in a git remote, in a corpus' URL and in the environment."""
    secret = "hunter2-swordfish"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url.replace("//", f"//me:{secret}@"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "remote", "add", "origin", f"https://me:{secret}@example.org/a.git"], check=True)
    card = (project / "data/corpus/card.json").read_text()
    url = f"https://me:{secret}@example.org/text?token={secret}"
    (project / "data/corpus/card.json").write_text(
        card.replace('"kind": "file"', f'"kind": "url", "url": "{url}"')
    )
    (project / "report/index.html").write_text(f"<p>{secret}</p>")
    write_journal(project)
    assert track(params, root=project)
    printed = capfd.readouterr()
    assert secret not in printed.out + printed.err
    found = {
        path.relative_to(project if project in path.parents else tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    }
    assert found == {".git/config", "data/corpus/card.json", "report/index.html"}, "where this test has put it"
    dump = search(server.url, EXPERIMENT)
    assert secret not in str(dump)
    artifacts = {"run_uuid": dump["mamba-0"]["info"]["run_id"], "path": "card.json"}
    assert "example.org" in requests.get(f"{server.url}/get-artifact", artifacts, timeout=20).text
