"""A cell's manifest says what was trained from what, and no bit of it changes unnoticed."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_json
from resnetbk.repro.sealed import write_sealed
from resnetbk.training.manifest import lineage, read_manifest, registered_plan

MANIFEST = {
    "model": "mamba",
    "seed": 3,
    "config": {"layers": 2},
    "train": {"learning_rate": 1e-05, "accumulation": 1},
    "parameter_budget": 500_000,
    "determinism": "portable",
    "kernels": "auto",
    "data": {"train": "1" * 64},
    "code": {"a.py": "2" * 64},
    "initial_weights": "3" * 64,
    "steps": 600,
    "final_weights": "4" * 64,
}


def test_any_flipped_bit_is_found(tmp_path: Path):
    path = tmp_path / "mamba-3/manifest.json"
    write_sealed(path, MANIFEST)
    assert read_manifest(path) == MANIFEST
    whole, seed = path.read_bytes(), time.time_ns()
    print(f"seed {seed}")
    places = random.Random(seed).sample(range(8 * len(whole)), 1000)
    exponent = 8 * whole.index(b"1e-05") + 8 + 5  # 1E-05 is the same number
    for place in (exponent, *places):
        broken = bytearray(whole)
        broken[place // 8] ^= 1 << place % 8
        path.write_bytes(broken)
        with pytest.raises(UserError, match=r"manifest\.json: .*dvc checkout --force .*mamba-3"):
            read_manifest(path)
    path.write_bytes(whole[:-2])
    with pytest.raises(UserError, match=r"manifest\.json: "):
        read_manifest(path)
    path.unlink()
    with pytest.raises(UserError, match="not found; run `dvc repro train@mamba-3`"):
        read_manifest(path)


@pytest.mark.parametrize("key", MANIFEST)
def test_the_lineage_binds_all_that_the_weights_were_made_from(key: str):
    link = lineage(MANIFEST, audit="a" * 64, plan="5" * 64)
    assert link["parent"] == "a" * 64 and link["plan"] == "5" * 64 and link["artefact"] == "4" * 64
    other = {"train": {"accumulation": 9}, "steps": 7}.get(key, "other")
    assert lineage(MANIFEST | {key: other}, audit="a" * 64, plan="5" * 64)["sha256"] != link["sha256"]
    assert lineage(MANIFEST, audit="a" * 64, plan=None)["sha256"] != link["sha256"]


def test_the_registered_plan(tmp_path: Path):
    assert registered_plan(tmp_path) is None
    plan = {"alpha": 0.05}
    assert write_sealed(tmp_path / "plan.lock.json", plan) == registered_plan(tmp_path) == sha256_json(plan)
    for content in (json.dumps({"sha256": sha256_json(plan), "alpha": 0.1}), "[]", "{", "{}"):
        (tmp_path / "plan.lock.json").write_text(content)
        with pytest.raises(UserError, match=r"plan\.lock\.json: .*; `resnetbk plan register` writes it"):
            registered_plan(tmp_path)
