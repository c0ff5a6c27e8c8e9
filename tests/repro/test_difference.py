"""Why bits differ, from records; and how far two files are apart, from the files."""

from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from resnetbk.repro.difference import distance_between, environment_at, why_bits_differ

XEON = {
    "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
    "python": {"version": "3.11.2"},
    "cpu": {"model": "Xeon", "instruction_sets": ["avx", "avx2", "fma"]},
    "torch": {"version": "2.13.0", "threads": 1, "deterministic_algorithms": True},
    "environment": {"MKL_CBWR": "AVX2,STRICT", "OMP_NUM_THREADS": "1"},
    "determinism": "portable",
    "packages": {"torch": "2.13.0", "numpy": "2.4.6", "tqdm": "4.0"},
}


def here(**changes: Any) -> dict:
    """Return the record with some of its entries, or of its entries' entries, changed."""
    record = copy.deepcopy(XEON)
    for name, value in changes.items():
        record[name] = record[name] | value if isinstance(value, dict) else value
    return record


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        (
            {"platform": "macOS-15.1-arm64-arm-64bit", "cpu": {"instruction_sets": ["neon"]}},
            [
                "it was made on x86_64, and this machine is arm64",
                "this CPU is arm64: portable fixes the AVX2 path",
            ],
        ),
        ({"cpu": {"instruction_sets": ["avx", "fma"]}}, ["this CPU has no AVX2, which portable fixes"]),
        ({"determinism": "fast"}, ["the level of determinism in force here is fast: without portable the bits"]),
        (
            {"environment": {"MKL_CBWR": None}},
            ["MKL_CBWR (portable needs it) was AVX2,STRICT, and is unset here"],
        ),
        ({"environment": {"OMP_NUM_THREADS": "4"}}, ["OMP_NUM_THREADS was 1, and is 4 here"]),
        ({"torch": {"threads": 4}}, ["torch's threads was 1, and is 4 here"]),
        (
            {"packages": {"numpy": "2.4.9", "tqdm": "4.1"}},
            ["numpy was 2.4.6, and is 2.4.9 here", "other packages differ, which rarely decide bits: tqdm"],
        ),
        ({"packages": {"numba": "0.68.1"}}, ["numba was absent, and is 0.68.1 here"]),
        ({"python": {"version": "3.12.0"}}, ["Python was 3.11.2, and is 3.12.0 here"]),
        (
            {"cpu": {"model": "EPYC"}},
            ["the CPU was Xeon, and is EPYC here: of no matter where portable is in force"],
        ),
    ],
)
def test_each_reason_is_found_and_no_other(changes: dict, reasons: list[str]):
    found = why_bits_differ(XEON, here(**changes))
    assert len(found) == len(reasons)
    assert all(one.startswith(reason) for one, reason in zip(found, reasons, strict=True)), found


def test_what_a_record_lacks_is_not_compared():
    assert why_bits_differ({}, XEON) == why_bits_differ(XEON, {}) == []
    assert why_bits_differ({"torch": None, "determinism": "fast"}, XEON) == []  # no torch: nothing ran there


def test_the_record_of_a_level_and_of_none_differ_by_what_the_level_sets():
    """The real thing: two processes on this machine."""
    portable, fast = environment_at("portable"), environment_at("fast")
    assert why_bits_differ(portable, portable) == []
    reasons = why_bits_differ(portable, fast)
    assert reasons[0].startswith("the level of determinism in force here is ")
    assert any(reason.startswith("ATEN_CPU_CAPABILITY (portable needs it) was avx2") for reason in reasons)
    assert any("deterministic algorithms was True, and is False here" in reason for reason in reasons)


def test_a_description_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="level is one of portable, machine, fast; found 'medium'"):
        environment_at("medium")
    (tmp_path / "torch.py").write_text("raise ImportError('a torch that is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(
        RuntimeError, match=r"(?s)describing this machine at level 'portable' failed:\n.*is broken"
    ):
        environment_at("portable")


def tensors(**changes: torch.Tensor) -> dict[str, torch.Tensor]:
    return {
        "a.bias": torch.ones(3),
        "b.weight": torch.arange(6.0).reshape(2, 3),
        "c.steps": torch.tensor(5),
        **changes,
    }


def test_the_distance_of_two_checkpoints(tmp_path: Path):
    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    save_file(tensors(), one)
    save_file(tensors(), other)
    assert distance_between(one, other).identical
    assert str(distance_between(one, other)) == "identical: 3 parts, bit for bit"
    moved = tensors()["b.weight"]
    moved[1, 1] = torch.nextafter(moved[1, 1], torch.tensor(0.0))
    moved[0, 1] += 0.25
    save_file(tensors(**{"b.weight": moved, "c.steps": torch.tensor(7)}), other)
    found = distance_between(one, other)
    assert found.first == "c.steps"  # integers come first in this format
    weight = found.parts["b.weight"]
    assert (weight.absolute, weight.relative, weight.units, weight.differing) == (0.25, 0.2, 2**21, 2)
    assert (found.parts["c.steps"].absolute, found.parts["c.steps"].units) == (2, None)
    assert str(found) == (
        "2 of 3 parts differ: 3 of 10 numbers differ, at most by 2 absolute, 0.286 relative, 2097152 units in the "
        "last place\nthe first is c.steps: 1 of 1 numbers differ, at most by 2 absolute, 0.286 relative"
    )
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["differing"].keys() == {"b.weight", "c.steps"}


def test_missing_tensors_other_shapes_and_what_is_not_finite(tmp_path: Path):
    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    save_file(tensors(), one)
    odd = torch.tensor([1.0, float("nan"), float("inf")])
    save_file({"a.bias": odd, "b.weight": torch.zeros(3, 2), "d": torch.ones(1)}, other)
    parts = distance_between(one, other).parts
    assert (parts["a.bias"].differing, parts["a.bias"].not_finite, parts["a.bias"].absolute) == (2, 2, 0)
    assert parts["b.weight"].unlike == "shape (2, 3) in the first, (3, 2) in the second"
    assert (parts["c.steps"].unlike, parts["d"].unlike) == ("only in the first", "only in the second")


def test_zero_and_minus_zero_are_apart_though_not_by_their_values(tmp_path: Path):
    for name, value in (("one", 0.0), ("other", -0.0)):
        np.savez(tmp_path / f"{name}.npz", x=np.array([value, 1]))
    found = distance_between(tmp_path / "one.npz", tmp_path / "other.npz")
    assert not found.identical
    assert (found.largest.absolute, found.largest.units) == (0, 1)


def test_the_distance_of_two_files_of_metrics(tmp_path: Path):
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text('{"model": "a", "losses": [1.5, 2.0], "steps": 3}')
    other.write_text('{"model": "b", "losses": [1.5, 2.0000000000000004], "steps": 3}')
    found = distance_between(one, other)
    assert found.first == "['model']"
    assert found.parts["['model']"].unlike == "'a' in the first, 'b' in the second"
    assert found.parts["['losses'][1]"].units == 1
    lines = [tmp_path / "one.jsonl", tmp_path / "other.jsonl"]
    lines[0].write_text('{"loss": 1}\n{"loss": 2}\n')
    lines[1].write_text('{"loss": 1}\n{"loss": 2.5}\n')
    assert distance_between(*lines).parts["[1]['loss']"].unlike == "int in the first, float in the second"


def test_files_that_cannot_be_compared(tmp_path: Path):
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    np.savez(good, x=np.ones(3))
    bad.write_bytes(good.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"bad\.npz: no whole file of NumPy's arrays"):
        distance_between(good, bad)
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json: not JSON"):
        distance_between(tmp_path / "bad.json", tmp_path / "bad.json")
    with pytest.raises(ValueError, match="files of different kinds"):
        distance_between(good, tmp_path / "bad.json")
    with pytest.raises(FileNotFoundError):
        distance_between(good, tmp_path / "none.npz")
    np.save(tmp_path / "objects.npy", np.array([os.getcwd], object), allow_pickle=True)
    with pytest.raises(ValueError, match="no whole file of NumPy's arrays"):
        distance_between(tmp_path / "objects.npy", tmp_path / "objects.npy")
    (tmp_path / "code.pt").write_bytes(pickle.dumps(os.getcwd))
    with pytest.raises(ValueError, match="code"):
        distance_between(tmp_path / "code.pt", tmp_path / "code.pt")
