"""A cell's state belongs to its code, params, data and plan: a state from anything else is never picked up."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.cell_processes import stop_after_two_of_three
from tests.training.forked import Forked
from tests.training.small_cell import CELL, make_root, states, train_small

from resnetbk.repro.files import sha256_file, sha256_json
from resnetbk.repro.sealed import write_sealed
from resnetbk.training.manifest import read_manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path / "root")


def stopped(root: Path, *change: object) -> str:
    """Train two steps of three in a process that is changed so; return the name of the state."""
    before = set(states(root))
    code, said = Forked(root / "errors", stop_after_two_of_three, root, *change).wait()
    assert code == 0, said
    (new,) = set(states(root)) - before
    return new.parent.name


def other_plan(root: Path) -> None:
    write_sealed(root / "plan.lock.json", {"alpha": 1})


def test_every_input_has_a_state_of_its_own(root: Path):
    names = [stopped(root), stopped(root, "code"), stopped(root, "packages"), stopped(root, "params")]
    names.append(stopped(root, "data"))
    other_plan(root)
    names.append(stopped(root))
    assert len(set(names)) == 6
    assert all(name.startswith(f"train-{CELL}-") for name in names)


def test_the_control_the_same_inputs_find_the_state(root: Path):
    stopped(root)
    code, said = Forked(root / "errors", stop_after_two_of_three, root).wait()
    assert code == 0 and "steps done: [3]" in said


def test_the_manifest_binds_the_outs(root: Path):
    other_plan(root)
    assert Forked(root / "errors", train_small, root).wait()[0] == 0
    manifest = read_manifest(root / f"models/{CELL}/manifest.json")
    assert manifest["files"] == {name: sha256_file(root / name) for name in manifest["files"]}
    assert manifest["lineage"]["plan"] == sha256_json({"alpha": 1})
    assert manifest["lineage"]["parent"] == sha256_file(root / f"metrics/audit/{manifest['model']}.json")
    assert manifest["lineage"]["artefact"] == manifest["final_weights"]
