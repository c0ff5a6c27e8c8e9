"""What a verification says when hashes differ, and that it says so of no other."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from tests.pipeline.project import Project

from resnetbk.pipeline.certificate import read_certificate
from resnetbk.pipeline.lock import compare_outs, read_lock
from resnetbk.pipeline.made_on import RECORD, record_machine, recorded_machine
from resnetbk.pipeline.outs_apart import how_far_apart
from resnetbk.repro.files import sha256_file, write_bytes


@pytest.mark.nightly
def test_verify_names_the_one_hash_that_is_false(done: Project):
    """The lock of plain `dvc repro`, with one hash falsified: the rest is what cells side by side make again."""
    done.run("sed -i '0,/md5: ..../s//md5: dead/' dvc.lock && git commit -qam 'A false hash'")
    result = done.run("resnetbk verify --jobs 2", check=False)
    assert result.returncode == 1
    assert "rebuilding the last commit from nothing changed:\n M dvc.lock" in result.stdout, result.stdout
    changed = [line for line in result.stdout.splitlines() if re.match(r"[-+] +md5: ", line)]
    assert len(changed) == 2 and "md5: dead" in changed[0], result.stdout
    assert "Why: the commit does not say which machine made its results" in result.stdout
    found = read_certificate(done.path / "report/certificate.json")
    assert found["verdict"] == "different"
    assert found["commit"] == done.run("git rev-parse HEAD").stdout.strip()
    assert len(found["outs"]) > 10 and all(out["matched"] for out in found["outs"]), "the false one is an input"
    assert "prepare: its code, data or parameters" in found["changed"]
    assert done.run("git status --porcelain").stdout == ""
    done.run("git reset -q --hard HEAD~1 && dvc checkout -q")


def slightly_more(number: re.Match) -> str:
    return repr(float(number[0]) * (1 + 1e-9))


def test_it_measures_how_far_rebuilt_numbers_are(done: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(done.path)
    rebuilt = tmp_path / "rebuilt"
    for path in ("metrics/evaluate/mamba-0.json", "metrics/summary.json"):
        changed = re.sub(r"\d\.\d{6,}", slightly_more, done.read(path), count=1)
        assert changed != done.read(path)
        write_bytes(rebuilt / path, changed.encode())
    shutil.copytree("models/mamba-0", rebuilt / "models/mamba-0")
    compared = compare_outs(read_lock(Path("dvc.lock")), {})
    outs = [{**vars(out), "matched": False} for out in compared if (rebuilt / out.path).exists()]
    outs += [{"path": "models/gone", "committed": hashlib.md5(b"gone").hexdigest(), "matched": False}]
    found = how_far_apart(outs, rebuilt, tmp_path / "scratch")
    assert set(found) == {"metrics/evaluate/mamba-0.json", "metrics/summary.json", "models/gone"}
    assert "1e-09 relative" in found["metrics/evaluate/mamba-0.json"], found
    assert found["models/gone"] == "its committed bytes are neither in git nor in DVC's cache here"


def test_the_machine_is_noted_only_where_the_lock_is_new(done: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(done.path)
    RECORD.unlink(missing_ok=True)
    record_machine("portable")
    assert not RECORD.exists(), "dvc.lock is the committed one"
    done.run("echo '# new' >> dvc.lock")
    record_machine("portable")
    noted = recorded_machine()
    assert noted["lock"] == sha256_file("dvc.lock")
    assert noted["portable_operators"] and noted["packages"]["torch"]
    assert not {"hostname", "node", "git"} & set(noted)
    done.run("git checkout -q . && git clean -qfd")


@pytest.mark.nightly
def test_rebuilt_twice_in_a_row_it_is_the_committed_state_and_the_tree_stays_clean(done: Project, tmp_path: Path):
    for number in range(2):
        output = done.run(f"resnetbk verify --jobs 2 --certificate {tmp_path}/{number}.json").stdout
        assert "Verified: rebuilt from nothing" in output
        found = read_certificate(tmp_path / f"{number}.json")
        assert found["verdict"] == "identical" and all(out["matched"] for out in found["outs"])
        assert done.run("git status --porcelain").stdout == ""
