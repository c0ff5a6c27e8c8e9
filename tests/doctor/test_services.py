"""DVC's remote and MLflow's store: those that are there, missing, refusing, hanging, answering rubbish."""

from __future__ import annotations

import http.server
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resnetbk.doctor.dvc import examine_dvc
from resnetbk.doctor.mlflow import examine_mlflow

SECRET = "hunter22-of-nobody"


def repository(root: Path, url: str | None = None) -> Path:
    """Make a DVC repository with one stage, and a default remote at `url`."""
    (root / ".dvc").mkdir()
    remote = f"remote = store\n['remote \"store\"']\n    url = {url}\n" if url else ""
    (root / ".dvc/config").write_text(f"[core]\n    no_scm = true\n    {remote}")
    (root / "dvc.yaml").write_text("stages: {touch: {cmd: touch out, outs: [out]}}\n")
    return root


def findings(root: Path) -> dict[str, tuple[str, str]]:
    found = {finding.name: (finding.state, f"{finding.found} {finding.mend}") for finding in examine_dvc(root)}
    assert SECRET not in str(found)
    return found


@contextmanager
def server(status: int, body: bytes = b"<html>rubbish</html>", *, hangs: bool = False) -> Iterator[str]:
    """Answer every request in one way, or never; give host and port."""
    over = threading.Event()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if hangs:
                over.wait()
            self.send_response(status)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{running.server_port}"
        over.set()
        running.shutdown()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_folder_without_dvc_and_broken_files_are_wrong(tmp_path: Path):
    assert findings(tmp_path)["DVC"][0] == "wrong"
    repository(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {touch: {command: touch out}}\n")
    assert findings(tmp_path)["DVC"][0] == "wrong"


def test_no_remote_is_worth_a_note(tmp_path: Path):
    found = findings(repository(tmp_path))
    assert found["DVC"][0] == "ok" and "1 stages" in found["DVC"][1]
    assert found["DVC remote"][0] == "note"


def test_a_disk_that_is_not_mounted_is_wrong(tmp_path: Path):
    state, text = findings(repository(tmp_path, str(tmp_path / "disk/store")))["DVC remote"]
    assert state == "wrong" and "does not exist" in text


@pytest.mark.nightly
def test_a_folder_that_is_there_is_well(tmp_path: Path):
    (tmp_path / "store").mkdir()
    assert findings(repository(tmp_path, str(tmp_path / "store")))["DVC remote"][0] == "ok"


@pytest.mark.nightly
@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (404, "ok"), (403, "wrong"), (500, "wrong")])
def test_a_web_server_as_remote(tmp_path: Path, status: int, state: str):
    with server(status) as host:
        root = repository(tmp_path, f"http://user:{SECRET}@{host}/store?token={SECRET}")
        assert findings(root)["DVC remote"][0] == state


@pytest.mark.nightly
def test_a_web_server_that_is_down_or_hangs(tmp_path: Path):
    root = repository(tmp_path, f"http://user:{SECRET}@127.0.0.1:{free_port()}/store")
    assert findings(root)["DVC remote"][0] == "wrong"
    with server(200, hangs=True) as host:
        (root / ".dvc/config").write_text(
            (root / ".dvc/config").read_text().rsplit("url", 1)[0] + f"url = http://{host}/store\n"
        )
        state, text = findings(root)["DVC remote"]
    assert state == "wrong" and "did not answer" in text


@pytest.mark.nightly
def test_a_remote_that_lacks_its_plugin(tmp_path: Path):
    state, text = findings(repository(tmp_path, "s3://bucket/store"))["DVC remote"]
    assert state == "wrong" and "dvc-s3" in text


def store(root: Path, monkeypatch: pytest.MonkeyPatch, uri: str | None = None) -> tuple[str, str]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    (found,) = examine_mlflow(root)
    assert SECRET not in str(found)
    return found.state, f"{found.found} {found.mend}"


def test_a_store_that_is_not_there_yet_is_well_and_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state, text = store(tmp_path, monkeypatch)
    assert state == "ok" and "the first run makes" in text
    assert not list(tmp_path.iterdir())


@pytest.mark.nightly
def test_a_database_that_is_none_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mlflow.db").write_bytes(b"not a database, and long enough to look like one" * 100)
    state, text = store(tmp_path, monkeypatch)
    assert state == "wrong" and "resnetbk tracking rebuild" in text


@pytest.mark.nightly
def test_a_database_of_another_mlflow_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make = f"from mlflow import MlflowClient; MlflowClient('sqlite:///{tmp_path}/mlflow.db').search_experiments()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", make], check=True, capture_output=True)
    assert store(tmp_path, monkeypatch)[0] == "ok"
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("update alembic_version set version_num = '97727af70f4d'")
    database.close()
    assert store(tmp_path, monkeypatch)[0] == "wrong"


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["down", "rubbish", "refuses", "hangs"])
def test_a_server_that_does_not_work_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "user")
    if fault == "down":
        assert store(tmp_path, monkeypatch, f"http://user:{SECRET}@127.0.0.1:{free_port()}")[0] == "wrong"
        return
    with server(403 if fault == "refuses" else 200, hangs=fault == "hangs") as host:
        state, text = store(tmp_path, monkeypatch, f"http://user:{SECRET}@{host}")
    assert state == "wrong" and "MLFLOW_TRACKING_URI" in text


@pytest.mark.nightly
def test_a_real_server_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/served.db", "--artifacts-destination", str(tmp_path)]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            assert running.poll() is None, "the server has stopped"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        assert store(tmp_path, monkeypatch, f"http://127.0.0.1:{port}")[0] == "ok"
    finally:
        running.terminate()
        running.wait()
