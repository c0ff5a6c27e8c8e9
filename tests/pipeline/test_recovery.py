"""What a kill in the middle of DVC's own writing leaves behind is made anew; what is whole is not touched."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resnetbk.pipeline import recovery


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(recovery, "SECONDS_TO_WRITE", 0.0)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".dvc/tmp/rwlock").write_text("{}")
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages:\n  a:\n    cmd: echo\n")
    return tmp_path


def test_whole_files_are_left_alone(project: Path, capsys: pytest.CaptureFixture):
    recovery.recover()
    assert (project / ".dvc/tmp/rwlock").exists() and (project / "dvc.lock").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".dvc/tmp/rwlock", b""),
        (".dvc/tmp/rwlock", b'{"a": '),
        ("dvc.lock", b""),
        ("dvc.lock", b"schema: '2.0'\nstages:\n  a:\n    cm"),
    ],
)
def test_torn_ones_are_removed(project: Path, capsys: pytest.CaptureFixture, file: str, content: bytes):
    (project / file).write_bytes(content)
    recovery.recover()
    assert not (project / file).exists()
    assert f"{file} was cut short" in capsys.readouterr().out
    assert sum((project / name).exists() for name in (".dvc/tmp/rwlock", "dvc.lock")) == 1


def test_without_any_there_is_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    recovery.recover()


@pytest.fixture
def holders() -> Iterator[dict[str, int]]:
    """Process numbers: of nobody, of a zombie, given to another program since, and of a DVC."""
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    gone = subprocess.Popen(["true"])
    gone.wait()
    zombie = subprocess.Popen(["true"])
    while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    other, living = subprocess.Popen(sleep), subprocess.Popen([*sleep, "dvc"])
    yield {"gone": gone.pid, "zombie": zombie.pid, "other": other.pid, "living": living.pid}
    for process in (zombie, other, living):
        process.kill()
        process.wait()


@pytest.mark.parametrize("dead", ["gone", "zombie", "other"])
def test_claims_of_the_dead_are_removed_and_a_living_dvc_s_stay(
    project: Path, capsys: pytest.CaptureFixture, holders: dict[str, int], dead: str
):
    killed, living = ({"pid": holders[name], "cmd": "dvc repro"} for name in (dead, "living"))
    rwlock = project / ".dvc/tmp/rwlock"
    rwlock.write_text(
        json.dumps({"write": {"a": killed, "b": living}, "read": {"c": [killed, living], "d": [killed]}})
    )
    recovery.recover()
    assert json.loads(rwlock.read_text()) == {"write": {"b": living}, "read": {"c": [living]}}
    assert "named killed processes" in capsys.readouterr().out


def test_claims_of_the_living_are_not_even_written_anew(project: Path, holders: dict[str, int]):
    rwlock = project / ".dvc/tmp/rwlock"
    rwlock.write_text(json.dumps({"read": {"c": [{"pid": holders["living"], "cmd": "dvc repro"}]}}))
    before = rwlock.stat()
    recovery.recover()
    assert rwlock.stat() == before


def test_claims_that_a_living_dvc_begins_to_write_are_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recovery, "_is_rwlock", lambda path: True)  # so it was a moment ago
    (project / ".dvc/tmp/rwlock").write_text('{"write": ')
    recovery.recover()
    assert (project / ".dvc/tmp/rwlock").read_text() == '{"write": '
