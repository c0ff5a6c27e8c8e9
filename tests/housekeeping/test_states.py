"""Resume states: kept while a version could go on with them, or when what they are is not known for sure."""

from __future__ import annotations

import fcntl
import json
import signal
from pathlib import Path

import pytest
from tests.housekeeping.repository import Repository
from tests.training.cell_processes import work
from tests.training.forked import Forked
from tests.training.small_cell import make_root, small_params, states

from resnetbk.audit.code import SOURCE_ROOT
from resnetbk.housekeeping.states import unneeded_states
from resnetbk.housekeeping.versions import Versions
from resnetbk.repro.files import sha256_file, sha256_json, write_json
from resnetbk.training.resume import INPUTS

CODE = "src/model.py"
PARAMS = """\
run: {models: [a, b], seeds: [0], parameter_budget: 10, determinism: portable, kernels: auto}
models: {a: {family: mamba, eta: 1e-6, ffn: {kind: none}}, b: {family: gpt2}}
train: {steps: 5, learning_rate: tuned}
tune: {seeds: [1000]}
"""


@pytest.fixture
def project(repository: Repository) -> Repository:
    (repository.path / "src").mkdir()
    (repository.path / CODE).write_text("old")
    (repository.path / "params.yaml").write_text(PARAMS)
    repository.commit()
    return repository


def state(project: Repository, *, stage: str = "train", experiment: str = "", **changed: object) -> Path:
    """Leave the state of a training of the present code and parameters, but for what is changed."""
    made = {
        "model": "a",
        "seed": 0 if stage == "train" else 1000,
        "config": {"family": "mamba", "eta": 1e-6, "norm": False, "ffn": {"kind": "none"}},
        "train": {"steps": 5 if stage == "train" else 2, "learning_rate": 0.003},
        "parameter_budget": 10,
        "determinism": "portable",
        "kernels": "auto",
        "code": {CODE: sha256_file(project.path / CODE)},
        **changed,
    }
    inputs = [[made, None] if stage == "train" else made, {"torch": "2"}]
    inputs += [experiment] if experiment else []
    folder = project.path / f".resume/{stage}-a-0-{sha256_json(inputs)[:16]}"
    folder.mkdir(parents=True)
    (folder / INPUTS).write_text(json.dumps(inputs))
    (folder / "state.safetensors").write_bytes(b"state")
    return folder


def unneeded(project: Repository) -> set[str]:
    return {finding.name for finding in unneeded_states(project.path, Versions(project.path))}


@pytest.mark.parametrize("stage", ["train", "tune"])
def test_a_state_that_the_working_tree_would_find_is_kept(project: Repository, stage: str):
    state(project, stage=stage)
    assert unneeded(project) == set()


@pytest.mark.parametrize(("seed", "kept"), [(1000, True), (1001, False)])
def test_a_trial_of_a_version_with_one_seed_is_known_by_it(project: Repository, seed: int, kept: bool):
    (project.path / "params.yaml").write_text(PARAMS.replace("seeds: [1000]", f"seed: {seed}"))
    project.git("commit", "-qam", "One seed", "--amend")
    begun = state(project, stage="tune")
    assert unneeded(project) == (set() if kept else {begun.name})


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "c"},
        {"seed": 3},
        {"config": {"family": "mamba", "eta": 2e-6, "ffn": {"kind": "none"}}},
        {"config": {"family": "mamba", "eta": 1e-6, "ffn": {"kind": "dense"}}},
        {"train": {"steps": 6, "learning_rate": 0.003}},
        {"parameter_budget": 11},
        {"code": {CODE: "0" * 64}},
        {"code": {"src/gone.py": "0" * 64}},
    ],
    ids=str,
)
def test_a_state_of_code_or_parameters_that_no_version_has_is_found(project: Repository, changed: dict):
    name = state(project, **changed).name
    assert unneeded(project) == {name}


def test_a_state_that_an_older_commit_or_an_experiment_would_find_is_kept(project: Repository):
    begun = state(project)
    (project.path / CODE).write_text("new")
    project.commit()
    assert unneeded(project) == set()
    head = project.git("rev-parse", "HEAD")
    (project.path / "params.yaml").write_text(PARAMS.replace("steps: 5", "steps: 7"))
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/x-0", project.commit())
    project.git("reset", "-q", "--hard", head)
    state(project, train={"steps": 7, "learning_rate": 0.003})
    assert unneeded(project) == set()
    project.git("update-ref", "-d", f"refs/exps/{head[:2]}/{head[2:]}/x-0")
    assert len(unneeded(project)) == 1 and begun.name not in unneeded(project)


def test_the_state_of_a_sweeps_trial_is_kept_until_it_is_an_experiment(project: Repository):
    begun = state(project, experiment="lr-0", parameter_budget=11)
    assert unneeded(project) == {begun.name}, "an experiment that nobody goes on with"
    (project.path / ".resnetbk/sweeps").mkdir(parents=True)
    (project.path / ".resnetbk/sweeps/lr-0.log").touch()
    assert unneeded(project) == set()
    head = project.git("rev-parse", "HEAD")
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/lr-0", head)
    assert unneeded(project) == {begun.name}


@pytest.mark.nightly
def test_the_state_of_a_real_training_is_known_by_its_parameters_and_code(repository: Repository):
    root = make_root(repository.path)
    (root / "src").symlink_to(SOURCE_ROOT / "src")
    process = Forked(root.parent / "errors", work, root, 100_000, 1)
    process.wait_until(lambda: states(root))
    process.send(signal.SIGTERM)
    process.wait()
    params = small_params(steps=100_000, checkpoint_interval=1).model_dump(mode="json")
    write_json(root / "params.yaml", params)  # which is YAML too
    assert unneeded(repository) == set()
    params["train"]["steps"] += 1
    write_json(root / "params.yaml", params)
    assert unneeded(repository) == {states(root)[0].parent.name}


def test_what_is_not_known_for_sure_is_kept(project: Repository):
    without, edited = state(project, seed=5), state(project, seed=6)
    (without / INPUTS).unlink()
    (edited / INPUTS).write_text("[{}, {}]")
    (project.path / ".resume/prepare-0123456789abcdef").mkdir()
    (project.path / ".resume/my notes").mkdir()
    assert unneeded(project) == set()


def test_the_state_of_a_running_training_is_kept(project: Repository):
    begun = state(project, seed=5)
    with open(begun.with_name(f"{begun.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert unneeded(project) == set()
    assert unneeded(project) == {begun.name}


def test_removing_takes_the_state_alone(project: Repository):
    needed, gone = state(project), state(project, seed=5)
    for finding in unneeded_states(project.path, Versions(project.path)):
        finding.remove()
    assert needed.is_dir() and not gone.exists()
