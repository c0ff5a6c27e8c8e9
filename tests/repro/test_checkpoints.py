"""A registry knows what each checkpoint was, whoever writes to it at once, and says what it has become."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.read_only import read_only_folder

from resnetbk.repro.checkpoints import CheckpointVerifier
from resnetbk.repro.hashing import compute_checkpoint_hash
from resnetbk.repro.sealed import IntegrityError


@pytest.fixture
def verifier(tmp_path: Path) -> CheckpointVerifier:
    for name in ("a.pt", "b|c.pt", "folder/part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    verifier = CheckpointVerifier(tmp_path / "registry.json")
    for name in ("folder", "b|c.pt", "a.pt"):
        verifier.register(tmp_path / name, {"step": 3})
    return verifier


def test_what_was_left_alone_is_intact(verifier: CheckpointVerifier, tmp_path: Path):
    result = verifier.verify(tmp_path / "a.pt")
    assert result.intact and str(result) == "a.pt: intact"
    assert result.expected == result.found == compute_checkpoint_hash(tmp_path / "a.pt")
    assert result.metadata == {"step": 3}
    assert [(result.path, result.intact) for result in verifier.verify_all()] == [
        ("a.pt", True),
        ("b|c.pt", True),
        ("folder", True),
    ]


def test_changed_missing_and_unreadable_are_told_apart(verifier: CheckpointVerifier, tmp_path: Path):
    (tmp_path / "a.pt").write_text("other")
    (tmp_path / "b|c.pt").unlink()
    (tmp_path / "folder/link").symlink_to(tmp_path / "a.pt")
    results = verifier.verify_all()
    assert [result.status for result in results] == ["changed", "missing", "unreadable"]
    assert f"expected sha256 {results[0].expected}, found {results[0].found}" in str(results[0])
    assert "link: a symbolic link" in results[2].found


def test_an_entry_is_not_lost_unasked(verifier: CheckpointVerifier, tmp_path: Path):
    before = verifier.registry_path.read_bytes()
    verifier.register(tmp_path / "a.pt", {"step": 3})  # says the same
    with pytest.raises(ValueError, match=r"a\.pt is registered with other metadata"):
        verifier.register(tmp_path / "a.pt")
    (tmp_path / "a.pt").write_text("other")
    with pytest.raises(ValueError, match=r"a\.pt is registered with other bytes"):
        verifier.register(tmp_path / "a.pt", {"step": 3})
    assert verifier.registry_path.read_bytes() == before
    verifier.register(tmp_path / "a.pt", replace=True)
    assert verifier.verify(tmp_path / "a.pt").intact and verifier.verify(tmp_path / "a.pt").metadata == {}


def test_a_registry_can_be_moved_with_its_checkpoints(verifier: CheckpointVerifier, tmp_path: Path, monkeypatch):
    shutil.move(tmp_path / "folder", tmp_path / "moved/folder")
    shutil.copy(verifier.registry_path, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert CheckpointVerifier("registry.json").verify("folder").intact


def test_a_checkpoint_elsewhere_is_known_by_its_whole_path(tmp_path: Path):
    (tmp_path / "a").write_text("a")
    verifier = CheckpointVerifier(tmp_path / "registries/r.json", algorithm="blake2b")
    verifier.register(tmp_path / "a")
    result = verifier.verify(tmp_path / "a")
    assert result.intact and result.path == str(tmp_path / "a") and result.algorithm == "blake2b"


@pytest.mark.parametrize("intact", [True, False])
def test_reports(verifier: CheckpointVerifier, tmp_path: Path, intact: bool):
    if not intact:
        (tmp_path / "b|c.pt").write_text("other")
    results = verifier.export_report(tmp_path / "report.json", "json")
    content = json.loads((tmp_path / "report.json").read_text())
    assert content["intact"] is intact
    assert [checkpoint["found"] for checkpoint in content["checkpoints"]] == [result.found for result in results]
    verifier.export_report(tmp_path / "report.md")
    lines = (tmp_path / "report.md").read_text().splitlines()
    assert lines[2] == f"{2 + intact} of 3 intact."
    assert lines[7].startswith(
        rf"| b\|c.pt | {'intact' if intact else '**changed**'} | sha256 {results[1].expected} | "
    )
    with pytest.raises(ValueError, match="format: expected one of markdown, json, found 'html'"):
        verifier.export_report(tmp_path / "report.html", "html")


def test_errors_are_clear(verifier: CheckpointVerifier, tmp_path: Path):
    with pytest.raises(ValueError, match=r"registry\.json: x is not registered; it knows a\.pt"):
        verifier.verify(tmp_path / "x")
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        CheckpointVerifier(tmp_path / "absent.json").verify_all()
    with pytest.raises(ValueError, match="holds the registry"):
        verifier.register(tmp_path)
    with pytest.raises(ValueError, match="metadata cannot be written as JSON"):
        verifier.register(tmp_path / "a.pt", {"loss": float("inf")}, replace=True)
    verifier.registry_path.write_text(verifier.registry_path.read_text().replace("step", "stop", 1))
    for action in (verifier.verify_all, lambda: verifier.register(tmp_path / "a.pt", {"step": 3})):
        with pytest.raises(IntegrityError, match=r"registry\.json: .* damaged or edited"):
            action()


def test_a_read_only_folder_is_said_clearly():
    with read_only_folder() as folder:
        with pytest.raises(PermissionError, match=r"the folder is read-only.*registry\.json"):
            CheckpointVerifier(folder / "registry.json").register(folder / "weights.bin")
        assert [path.name for path in folder.iterdir()] == ["weights.bin"]


def _register(folder: Path, process: int) -> None:
    verifier = CheckpointVerifier(folder / "registry.json")

    def one(number: int) -> None:
        (folder / f"{process}-{number}").write_text(f"{process} {number}")
        verifier.register(folder / f"{process}-{number}", {"process": process})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(12)))


def test_processes_and_threads_register_at_once(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_register, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    results = CheckpointVerifier(tmp_path / "registry.json").verify_all()
    assert len(results) == 48 and all(result.intact for result in results)
