"""The certificate: whole, readable, and not to be edited unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.pipeline.certificate import certificate_paths, read_certificate, write_certificate
from resnetbk.pipeline.lock import changed_inputs, compare_outs

LOCK = {
    "prepare": {"cmd": "p", "deps": [{"path": "p.py", "md5": "1"}], "outs": [{"path": "data", "md5": "a.dir"}]},
    "train@a": {"cmd": "t", "outs": [{"path": "models/a", "md5": "b"}, {"path": "history", "md5": "c"}]},
}


def facts(verdict: str, **others) -> dict:
    outs = compare_outs(LOCK, LOCK if verdict == "identical" else {"prepare": LOCK["prepare"]})
    return {
        "commit": "0" * 40,
        "remote": None,
        "started": "2026-01-02T03:04:05+00:00",
        "jobs": 2,
        "machine": {
            "level": "portable",
            "machine": "x86_64",
            "cpu": {"vendor": "GenuineIntel", "model": "Some CPU", "instruction_sets": ["avx2"]},
            "python": {"version": "3.11.7"},
            "packages": {"torch": "2.13.0"},
        },
        "verdict": verdict,
        "outs": [{**vars(out), "matched": out.matched} for out in outs],
        "changed": [],
        "why": [],
        "distances": {},
        "seconds": 61.5,
    } | others


def test_it_is_read_as_it_was_written(tmp_path: Path):
    written = write_certificate(tmp_path / "new/certificate.json", facts("identical"))
    assert written == (tmp_path / "new/certificate.json", tmp_path / "new/certificate.md")
    assert read_certificate(written[0]) == facts("identical")
    text = written[1].read_text()
    assert text.startswith("# Certificate: identical\n")
    assert "3 of 3 outs of 2 stages matched" in text
    assert "| train@a | `models/a` | `b` | yes |" in text


def test_it_says_what_differs_why_and_how_far(tmp_path: Path):
    found = facts(
        "different", why=["another CPU"], distances={"history": "1 of 2 numbers differ"}, changed=[" M x"]
    )
    text = write_certificate(tmp_path / "c", found)[1].read_text()
    assert "1 of 3 outs of 2 stages matched" in text
    assert "| train@a | `models/a` | `b -> None` | **no** |" in text
    for said in ("another CPU", "`history`: 1 of 2 numbers differ", "-  M x"):
        assert said in text


@pytest.mark.parametrize("key", ["verdict", "commit", "outs"])
def test_an_edited_certificate_is_refused(tmp_path: Path, key: str):
    path, _ = write_certificate(tmp_path / "certificate.json", facts("different"))
    edited = json.loads(path.read_text()) | {key: facts("identical")[key] if key != "commit" else "1" * 40}
    path.write_text(json.dumps(edited))
    with pytest.raises(UserError, match=r"damaged or edited\. `resnetbk verify` writes a new certificate"):
        read_certificate(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{"])
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: str):
    (tmp_path / "certificate.json").write_text(content)
    with pytest.raises(
        UserError, match=r"(not JSON that can be trusted|expected a JSON object with its own hash)"
    ):
        read_certificate(tmp_path / "certificate.json")


def test_a_missing_certificate_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="no certificate; `resnetbk verify` writes one"):
        read_certificate(tmp_path / "certificate.json")


def test_its_paths():
    both = (Path("a/b.json"), Path("a/b.md"))
    assert certificate_paths("a/b") == certificate_paths("a/b.json") == certificate_paths("a/b.md") == both
    with pytest.raises(UserError, match=r"expected one of these endings"):
        certificate_paths("a/b.txt")


def test_locks_are_compared_out_by_out():
    other = {**LOCK, "train@a": {**LOCK["train@a"], "outs": [{"path": "models/a", "md5": "x"}]}}
    compared = {out.path: out.matched for out in compare_outs(LOCK, other)}
    assert compared == {"data": True, "models/a": False, "history": False}
    assert changed_inputs(LOCK, other) == []
    edited = {**LOCK, "prepare": {**LOCK["prepare"], "deps": [{"path": "p.py", "md5": "2"}]}}
    assert changed_inputs(LOCK, edited) == ["prepare"]
