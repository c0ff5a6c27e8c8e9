"""`resnetbk determinism`: what is in force, and exit code 1 where a level cannot hold."""

from __future__ import annotations

import argparse
import json

import pytest

from resnetbk.commands import determinism
from resnetbk.repro.levels import environment


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    determinism.configure(parser)
    return determinism.run(parser.parse_args(arguments))


def test_portable_holds_here(capfd):
    assert run("--level", "portable", "--json") == 0
    status = json.loads(capfd.readouterr().out)
    assert status["level"] == "portable"
    text = determinism.describe(status, "portable")
    assert text.startswith("In force: portable\n\ntorch ")
    assert "OPENBLAS_CORETYPE         in force: Haswell" in text


def test_a_status_for_people_names_each_fault_once():
    faults = {"machine": ["two threads"], "portable": ["two threads", "no AVX2"]}
    flags = {"deterministic_algorithms": False, "threads": 2, "portable_operators": False}
    arithmetic = {
        "torch_blas": {"name": "mkl", "version": None, "branch": None},
        "numpy_vector_units": ["X86_V2"],
        "thread_pools": [],
    }
    variable = {"name": "MKL_CBWR", "state": "set too late", "value": "AVX2", "measured": "off"}
    status = {
        "level": "fast",
        "faults": faults,
        "flags": flags,
        "arithmetic": arithmetic,
        "variables": [variable],
    }
    text = determinism.describe(status)
    assert text.count("two threads") == 1 and "Not portable, because also\n  - no AVX2" in text
    assert "MKL_CBWR  set too late: AVX2 (in use: off)" in text
    assert "no AVX2" not in determinism.describe(status, "machine")
    assert "Not" not in determinism.describe(status, "fast")


def test_a_level_that_cannot_be_put_in_force_is_exit_code_1(tmp_path, monkeypatch, capfd):
    (tmp_path / "numpy.py").write_text("raise ImportError('a broken NumPy')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in environment("portable"):
        monkeypatch.delenv(name, raising=False)  # or NumPy would be loaded too early and do no harm
    assert run("--level", "portable") == 1
    assert "'portable' died of an error: ImportError: a broken NumPy" in capfd.readouterr().out


def test_a_level_that_is_put_in_force_and_does_not_hold_is_exit_code_1(tmp_path, monkeypatch, capfd):
    (tmp_path / "sitecustomize.py").write_text("import numpy\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in environment("portable"):
        monkeypatch.delenv(name, raising=False)  # or NumPy would be loaded too early and do no harm
    assert run("--level", "portable") == 1
    assert "was imported" in capfd.readouterr().out


def test_an_unknown_level_is_refused(capfd):
    with pytest.raises(SystemExit):
        run("--level", "exact")
    assert "invalid choice" in capfd.readouterr().err
