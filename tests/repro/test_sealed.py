"""A sealed file is believed only when it is, to the bit, what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bit_flips import flips
from tests.read_only import read_only_folder

from resnetbk.repro.files import sha256_json
from resnetbk.repro.sealed import IntegrityError, read_sealed, write_sealed

CONTENT = {"name": "é\udcff\n", "rate": 1e-05, "nested": {"a": [1, None, True]}}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "sealed.json", CONTENT)
    return tmp_path / "sealed.json"


def test_what_was_written_is_read(sealed: Path):
    assert read_sealed(sealed) == CONTENT
    assert json.loads(sealed.read_text())["sha256"] == sha256_json(CONTENT)


def test_every_flipped_bit_is_found(sealed: Path):
    for _ in flips(sealed, 1000):
        with pytest.raises(IntegrityError):
            read_sealed(sealed)
    assert read_sealed(sealed) == CONTENT


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("1e-05", "1E-05", "in other bytes"),  # one bit, and the same number
        ("true", "false", "damaged or edited"),
        ('"rate"', '"name"', "'name' stands twice"),
        ('"sha256"', '"sha255"', "its own hash under 'sha256'"),
        ("{", "[", "not JSON"),
    ],
)
def test_faults_are_told_apart(sealed: Path, old: str, new: str, fault: str):
    text = sealed.read_text()
    assert old in text
    sealed.write_text(text.replace(old, new, 1))
    with pytest.raises(IntegrityError, match=f"{sealed.name}.*{fault}"):
        read_sealed(sealed)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"sha256": NaN}', b'{"sha256": null}']
)
def test_any_other_file_is_refused(tmp_path: Path, raw: bytes):
    (tmp_path / "a.json").write_bytes(raw)
    with pytest.raises(IntegrityError, match=r"a\.json"):
        read_sealed(tmp_path / "a.json")


def test_what_cannot_be_sealed_is_not_written(tmp_path: Path):
    for content, fault in (({"sha256": ""}, "is kept for"), ({"a": float("nan")}, "not JSON compliant")):
        with pytest.raises(ValueError, match=fault):
            write_sealed(tmp_path / "a.json", content)
    assert not list(tmp_path.iterdir())


def test_a_read_only_folder_is_said_clearly():
    with read_only_folder() as folder, pytest.raises(PermissionError, match=r"the folder is read-only.*a\.json"):
        write_sealed(folder / "a.json", {})
