"""A manifest tells what has become of every file, and is believed only when it does not lie."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from tests.read_only import read_only_folder

from resnetbk.repro.hashing import compute_checkpoint_hash
from resnetbk.repro.manifest import check_integrity_manifest, create_integrity_manifest, read_manifest
from resnetbk.repro.sealed import IntegrityError, read_sealed, write_sealed

NAMES = ("a.bin", "A.bin", "sub/b", "sub/deep/c", "with space", "é", "e\u0301", "new\nline", os.fsdecode(b"\xff"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "directory"
    for name in NAMES:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(b"content of " + os.fsencode(name))
    return directory


@pytest.mark.parametrize("place", ["integrity.json", "sub/list.json", "../outside.json"])
def test_a_directory_left_alone_is_intact(directory: Path, place: str):
    manifest = directory / place
    files = create_integrity_manifest(directory, manifest)
    assert set(files) == set(NAMES)
    assert files["sub/b"] == (compute_checkpoint_hash(directory / "sub/b"), len(b"content of sub/b"))
    report = check_integrity_manifest(directory, manifest)
    assert report.intact and report.files == len(NAMES) and "intact, files: 9" in str(report)


def test_missing_extra_changed_and_renamed_are_told_apart(directory: Path):
    create_integrity_manifest(directory)
    (directory / "sub/b").unlink()
    (directory / "é").write_bytes(b"other")
    (directory / "evil\nmissing: a.bin").touch()
    (directory / "sub/deep").rename(directory / "moved")
    (directory / "A.bin").rename(directory / "A.BIN")
    report = check_integrity_manifest(directory)
    assert not report.intact
    assert report.missing == ("sub/b",)
    assert report.extra == ("evil\nmissing: a.bin",)
    assert report.changed == ("é",)
    assert report.renamed == {"A.bin": "A.BIN", "sub/deep/c": "moved/c"}
    assert str(report).splitlines()[1:] == [
        "  missing: sub/b",
        "  extra: evil\\nmissing: a.bin",
        "  changed: \\xe9",
        "  renamed: A.bin is now A.BIN",
        "  renamed: sub/deep/c is now moved/c",
    ]


def test_two_files_that_changed_places_have_changed(directory: Path):
    create_integrity_manifest(directory)
    (directory / "a.bin").rename(directory / "x")
    (directory / "A.bin").rename(directory / "a.bin")
    (directory / "x").rename(directory / "A.bin")
    assert check_integrity_manifest(directory).changed == ("A.bin", "a.bin")


@pytest.mark.parametrize("algorithm", ["sha512", "blake2b", "md5"])
def test_algorithms(directory: Path, algorithm: str):
    create_integrity_manifest(directory, algorithm=algorithm)
    assert read_manifest(directory / "integrity.json")[0] == algorithm
    assert check_integrity_manifest(directory).intact
    (directory / "a.bin").write_bytes(b"contenT of a.bin")
    assert check_integrity_manifest(directory).changed == ("a.bin",)


def lie(directory: Path, **changes) -> None:
    """Seal a manifest anew that says something else."""
    create_integrity_manifest(directory)
    content = read_sealed(directory / "integrity.json")
    for key, value in changes.items():
        content[key] = value(content[key]) if callable(value) else value
    write_sealed(directory / "integrity.json", content)


ENTRY = {"hash": "0" * 64, "size": 1}


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a", "sub/../../a", "./a", "a//b", "a/", "", ".", "..", "a\0b"]
)
def test_a_path_that_leaves_the_directory_is_refused(directory: Path, name: str):
    lie(directory, files=lambda files: {**files, name: ENTRY})
    with pytest.raises(IntegrityError, match="expected a plain path inside the directory"):
        check_integrity_manifest(directory)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"files": lambda files: files | {"a.bin": files["a.bin"] | {"size": 99}}}, "states 99 bytes .* it lies"),
        ({"files": {"a.bin": {"hash": "0"}}}, "'a.bin': expected a hash and a size"),
        ({"files": {"a.bin": {"hash": "0", "size": True}}}, "'a.bin': expected a hash and a size"),
        ({"files": []}, "needs an algorithm and files"),
        ({"algorithm": "crc32"}, "needs an algorithm and files"),
        ({"version": 2}, "version: expected 1, found 2"),
    ],
)
def test_a_manifest_that_lies_is_refused(directory: Path, changes: dict, fault: str):
    lie(directory, **changes)
    with pytest.raises(IntegrityError, match=rf"integrity\.json: .*{fault}"):
        check_integrity_manifest(directory)


def test_a_symbolic_link_is_refused(directory: Path, tmp_path: Path):
    create_integrity_manifest(directory)
    (directory / "a.bin").rename(tmp_path / "elsewhere")
    (directory / "a.bin").symlink_to(tmp_path / "elsewhere")
    for function in (check_integrity_manifest, lambda path: create_integrity_manifest(path, replace=True)):
        with pytest.raises(ValueError, match=r"a\.bin: a symbolic link"):
            function(directory)
    (directory / "link.json").symlink_to(directory / "integrity.json")
    with pytest.raises(ValueError, match=r"link\.json: a symbolic link"):
        check_integrity_manifest(directory, directory / "link.json")


def test_a_manifest_is_not_overwritten_unasked(directory: Path):
    create_integrity_manifest(directory)
    before = (directory / "integrity.json").read_bytes()
    (directory / "a.bin").write_bytes(b"damaged")
    with pytest.raises(FileExistsError, match="there is a manifest already"):
        create_integrity_manifest(directory)
    assert (directory / "integrity.json").read_bytes() == before
    create_integrity_manifest(directory, replace=True)
    assert check_integrity_manifest(directory).intact


def test_places_that_are_none(directory: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="absent: expected a directory, found nothing"):
        create_integrity_manifest(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"a\.bin: expected a directory, found a file"):
        check_integrity_manifest(directory / "a.bin")
    with pytest.raises(ValueError, match="sub: expected a file for the manifest"):
        create_integrity_manifest(directory, directory / "sub")
    with pytest.raises(FileNotFoundError, match=r"integrity\.json"):
        check_integrity_manifest(directory)


def test_a_read_only_directory_is_said_clearly_and_recorded_elsewhere():
    with read_only_folder() as folder, tempfile.TemporaryDirectory() as elsewhere:
        with pytest.raises(PermissionError, match=r"the folder is read-only.*integrity\.json"):
            create_integrity_manifest(folder)
        assert set(create_integrity_manifest(folder, f"{elsewhere}/list.json")) == {"weights.bin"}
        assert check_integrity_manifest(folder, f"{elsewhere}/list.json").intact


def test_an_empty_directory(tmp_path: Path):
    assert create_integrity_manifest(tmp_path) == {}
    assert check_integrity_manifest(tmp_path).intact
