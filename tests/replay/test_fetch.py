"""A run is found by its id or the start of it; what cannot be had is one clear error in bounded time."""

import shutil
import socket
import sqlite3
import time

import pytest
from tests.replay.small import contents, run_ids
from tests.tracking.test_server import free_port, search, serve

from resnetbk.params import load_params
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.fetch import fetch
from resnetbk.tracking import mlflow_store
from resnetbk.tracking.track import track


def uri(root):
    return f"sqlite:///{root}/mlflow.db"


def change(root, statement, *values):
    with sqlite3.connect(root / "mlflow.db") as database:
        assert database.execute(statement, values).rowcount


@pytest.fixture
def own(project, tmp_path):
    """A project of no more than its MLflow, to break."""
    root = tmp_path / "own"
    root.mkdir()
    shutil.copy(project / "mlflow.db", root)
    return root


def test_the_start_of_an_id_finds_the_run_and_all_it_holds_and_changes_nothing(project, tmp_path):
    before = contents(project)
    run_id = run_ids(project)["mamba-0"]
    run = fetch(run_id[:9], uri=uri(project), folder=tmp_path)
    assert (run.run_id, run.model, run.seed, run.cell) == (run_id, "mamba", 0, "mamba-0")
    assert run.tags["weights_sha256"] == run.manifest["final_weights"]
    assert run.points["test/loss"] == [(0, run.evaluation["loss"])]
    assert [step for step, _ in run.points["train/loss"]] == [row["step"] for row in run.history if "loss" in row]
    assert run.code("evaluate")["src/resnetbk/evaluation/cell.py"]
    assert not [path for path in run.code("evaluate") if "/tracking/" in path]
    assert contents(project) == before


@pytest.mark.parametrize(
    ("run_id", "fault"), [("f" * 32, "has no run f"), ("mamba-0", "is no run id"), ("", "is no")]
)
def test_a_run_that_does_not_exist(project, tmp_path, run_id, fault):
    with pytest.raises(NotCheckable, match=fault):
        fetch(run_id, uri=uri(project), folder=tmp_path)


def test_the_start_of_two_ids_names_both(own, tmp_path):
    change(own, "UPDATE runs SET run_uuid = ? WHERE name = 'mamba-0'", "ab" + "0" * 30)
    change(own, "UPDATE runs SET run_uuid = ? WHERE name = 'comparison'", "ab" + "1" * 30)
    with pytest.raises(NotCheckable, match=f"more than one run id: .*ab{'0' * 30}"):
        fetch("ab", uri=uri(own), folder=tmp_path)


def test_a_run_that_is_no_cell(project, tmp_path):
    with pytest.raises(NotCheckable, match=r"\(comparison\) is no trained cell"):
        fetch(run_ids(project)["comparison"], uri=uri(project), folder=tmp_path)


def test_a_run_that_was_left_half_written(own, tmp_path):
    change(own, "UPDATE runs SET status = 'RUNNING' WHERE name = 'mamba-0'")
    with pytest.raises(NotCheckable, match="is RUNNING: its sender was killed"):
        fetch(run_ids(own)["mamba-0"], uri=uri(own), folder=tmp_path)


def test_artifacts_that_are_gone(own, tmp_path):
    change(own, "UPDATE runs SET artifact_uri = ?", (own / "gone").as_uri())
    with pytest.raises(NotCheckable, match=r"does not give run|lacks manifest\.json"):
        fetch(run_ids(own)["mamba-0"], uri=uri(own), folder=tmp_path)


def test_a_damaged_artifact_is_named(mamba):
    (mamba.folder / "manifest.json").write_text('{"model": "ma')
    with pytest.raises(NotCheckable, match=r"its artifact manifest\.json is damaged"):
        _ = mamba.manifest


def test_no_database_is_an_error_and_makes_none(tmp_path):
    with pytest.raises(NotCheckable, match=r"mlflow\.db: no MLflow database.*--tracking-uri"):
        fetch("ab", uri=uri(tmp_path), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "mlflow.db").write_text("this is no database\n" * 100)
    with pytest.raises(NotCheckable, match=r"cannot be read as a database \(file is not a database\)"):
        fetch("ab", uri=uri(tmp_path), folder=tmp_path)


def test_another_programs_database_is_not_written(tmp_path):
    (tmp_path / "mlflow.db").touch()
    with pytest.raises(NotCheckable, match="it has no table of runs"):
        fetch("ab", uri=uri(tmp_path), folder=tmp_path)
    assert (tmp_path / "mlflow.db").read_bytes() == b""


def test_a_damaged_database_is_an_error(own, tmp_path):
    raw = bytearray((own / "mlflow.db").read_bytes())
    raw[8192:] = bytes(len(raw) - 8192)
    (own / "mlflow.db").write_bytes(raw)
    with pytest.raises(NotCheckable, match=r"mlflow\.db"):
        fetch("ab", uri=uri(own), folder=tmp_path)


def test_a_server_that_is_down_costs_seconds_and_shows_no_password(tmp_path):
    start = time.monotonic()
    with pytest.raises(NotCheckable, match="does not give run ab") as caught:
        fetch("ab", uri=f"http://user:pa55word@127.0.0.1:{free_port()}", folder=tmp_path)
    assert "pa55word" not in str(caught.value)
    assert time.monotonic() - start < 60


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setitem(mlflow_store._ENVIRONMENT, "MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with pytest.raises(NotCheckable, match="does not give run ab"):
            fetch("ab", uri=f"http://127.0.0.1:{silent.getsockname()[1]}", folder=tmp_path)
    assert time.monotonic() - start < 60


@pytest.mark.nightly
def test_a_server_gives_what_the_database_gives(project, artifacts, tmp_path, monkeypatch):
    (tmp_path / "server").mkdir()
    (tmp_path / "artifacts").mkdir()
    monkeypatch.chdir(project)
    with serve(tmp_path / "server") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        assert track(load_params(), root=project)
        run_id = search(url, "resnetbk")["mamba-0"]["info"]["run_id"]
        run = fetch(run_id[:12], uri=url, folder=tmp_path / "artifacts")
    expected = artifacts["mamba-0"]
    assert (run.tags["weights_sha256"], run.points) == (expected.tags["weights_sha256"], expected.points)
    assert contents(run.folder) == contents(expected.folder)
