"""A cell's record: what it holds, to which bytes it belongs, and that it never costs a training."""

import json
import subprocess
import sys

import pytest

from resnetbk.repro.files import sha256_file
from resnetbk.tracking.spool import find_record, record_cell

CELL = {"stage": "train", "model": "mamba", "seed": 0}


def manifest(project):
    return sha256_file(project / "models/mamba-0/manifest.json")


def test_a_record_is_found_by_the_bytes_that_the_cell_made(project, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@mamba-0")
    monkeypatch.setenv("DVC_EXP_NAME", "hazy-owl")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "c0ffee")
    path = record_cell(**CELL, seconds=4.0, tokens=1000, extra={"resumed": True})
    record = find_record(project, **CELL, output=manifest(project))
    assert record == json.loads(path.read_text())
    assert record["tokens_per_second"] == 250
    assert (record["dvc_stage"], record["dvc_exp_name"], record["dvc_exp_baseline_rev"]) == (
        "train@mamba-0",
        "hazy-owl",
        "c0ffee",
    )
    assert record["extra"] == {"resumed": True}
    assert record["code"]["src/resnetbk/repro/files.py"] == sha256_file("src/resnetbk/repro/files.py")
    assert not [path for path in record["code"] if "/tracking/" in path], "it made nothing of the result"
    assert record["provenance"]["packages"]["mlflow"]


def test_other_bytes_have_no_record(project):
    record_cell(**CELL, seconds=4.0)
    (project / "models/mamba-0/manifest.json").write_text("{}")
    assert find_record(project, **CELL, output=manifest(project)) is None


def test_the_same_bytes_made_again_replace_their_record(project):
    record_cell(**CELL, seconds=4.0)
    record_cell(**CELL, seconds=5.0)
    assert len(list((project / ".resnetbk/spool").iterdir())) == 1
    assert find_record(project, **CELL, output=manifest(project))["seconds"] == 5.0


def test_a_cell_in_an_experiments_copy_writes_to_the_main_repository(project, tmp_path, monkeypatch):
    main = tmp_path / "main"
    monkeypatch.setenv("DVC_ROOT", str(main))
    record_cell(**CELL, seconds=4.0)
    assert find_record(main, **CELL, output=manifest(project))
    assert not (project / ".resnetbk").exists()


def test_a_blocked_spool_is_one_warning(project, capsys):
    (project / ".resnetbk").write_text("a file where the folder should be")
    assert record_cell(**CELL, seconds=4.0) is None
    assert_one_warning(capsys.readouterr().err)


@pytest.mark.parametrize("extra", [{"loss": float("nan")}, {"tensor": object()}])
def test_what_json_cannot_hold_is_one_warning(project, capsys, extra):
    assert record_cell(**CELL, seconds=4.0, extra=extra) is None
    assert_one_warning(capsys.readouterr().err)


def test_a_cell_without_its_outs_is_one_warning(project, capsys):
    (project / "models/mamba-0/manifest.json").unlink()
    assert record_cell(**CELL, seconds=4.0) is None
    assert_one_warning(capsys.readouterr().err)


def test_a_full_disk_is_one_warning_and_leaves_nothing_half_written(project):
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
        "from resnetbk.tracking.spool import record_cell;"
        "assert record_cell(stage='train', model='mamba', seed=0, seconds=1.0) is None"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert_one_warning(done.stderr)
    assert list((project / ".resnetbk/spool").iterdir()) == []


def test_a_broken_record_is_named_and_passed_over(project, capsys):
    path = record_cell(**CELL, seconds=4.0)
    path.write_text('{"stage": "tr')
    assert find_record(project, **CELL, output=manifest(project)) is None
    assert path.name in capsys.readouterr().err


def assert_one_warning(text):
    assert text.startswith("WARNING: no record of train@mamba-0")
    assert text.count("\n") == 1
