"""What a kill in the middle of DVC's own writing leaves behind is made anew; what is whole is not touched."""

from __future__ import annotations

from pathlib import Path

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
