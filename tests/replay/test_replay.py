"""A recorded run made again: identical when it is, different when anything in its record is not what it makes."""

import json
import re
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipeline.project import Project
from tests.replay.small import contents, git, run_command, run_ids

from resnetbk.commands import replay as command
from resnetbk.replay.environment import require_packages, unpromised
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.replay import compare


@pytest.fixture(scope="module")
def replayed(project):
    """The run mamba-0 replayed once; its tree is kept for the tests of this module."""
    before = contents(project)
    code, output = run_command(command, project, run_ids(project)["mamba-0"][:10], "--keep")
    assert "The tree is kept: " in output, output
    tree = Path(re.search(r"The tree is kept: (.*)", output)[1])
    yield {"code": code, "output": output, "tree": tree, "untouched": contents(project) == before}
    git(project, "worktree", "remove", "--force", str(tree))
    tree.parent.rmdir()


def test_a_run_is_made_again_bit_for_bit_and_the_repository_stays_as_it_was(replayed, project):
    assert replayed["code"] == 0, replayed["output"]
    assert "IDENTICAL: run " in replayed["output"]
    assert "data: the run's, from the data/corpus of this tree" in replayed["output"]
    assert replayed["untouched"]
    assert not list((replayed["tree"] / ".resume").glob("*/")), "it had its own"
    assert list((replayed["tree"] / ".resnetbk/spool").iterdir())


def differences(run, replayed, project):
    return [str(difference) for difference in compare(run, replayed["tree"], project)]


def test_the_record_itself_has_no_difference(mamba, replayed, project):
    assert differences(mamba, replayed, project) == []


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("tag", ["weights_sha256", "code_sha256", "data_sha256.train"])
def test_a_falsified_tag_is_named(mamba, replayed, project, tag):
    mamba.tags[tag] = "0" * 64
    (found,) = differences(mamba, replayed, project)
    assert found.startswith(f"MLflow tag {tag}: {'0' * 64} and ")


def test_a_falsified_metric_is_named_with_its_distance(mamba, replayed, project):
    ((step, loss),) = mamba.points["test/loss"]
    mamba.points["test/loss"] = [(step, loss + 1e-9)]
    (found,) = differences(mamba, replayed, project)
    assert re.match(r"MLflow metric test/loss step 0: .* \(1e-09 apart, \d+ units in the last place", found)


def test_a_falsified_history_is_named_by_its_step(mamba, replayed, project):
    text = (mamba.folder / "history.jsonl").read_text()
    loss = json.loads(text.splitlines()[0])["loss"]
    (mamba.folder / "history.jsonl").write_text(text.replace(str(loss), "9.5", 1))
    first = differences(mamba, replayed, project)[0]
    assert first.startswith("history.jsonl step 2 loss: 9.5 and ")
    assert "units in the last place of float32" in first


def test_a_falsified_hash_of_the_weights_is_named_and_so_is_a_falsified_score(mamba, replayed, project):
    edit(mamba.folder / "manifest.json", lambda manifest: manifest.update(final_weights="0" * 64))
    edit(mamba.folder / "evaluate.json", lambda scores: scores.update(loss=1.0))
    found = differences(mamba, replayed, project)
    assert found[0].startswith("manifest.json final_weights: 000")
    assert any(line.startswith("evaluate.json loss: 1.0 and ") for line in found)


def test_weights_that_are_not_the_runs_are_measured(mamba, replayed, project, tmp_path):
    """One bit of one weight of the replay flipped: the run's own weights, still here, say which and how far."""
    tree = tmp_path / "tree"
    shutil.copytree(replayed["tree"], tree, symlinks=True, ignore=shutil.ignore_patterns("src", "tests", ".git"))
    weights = tree / "models/mamba-0/weights.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-4] ^= 1  # the last bit of the last float32
    weights.write_bytes(raw)
    edit(tree / "models/mamba-0/manifest.json", lambda manifest: manifest.update(final_weights="0" * 64))
    found = [str(difference) for difference in compare(mamba, tree, project)]
    assert "1 unit in the last place" in found[0], found[0]
    assert "the first is backbone." in found[0]


def test_other_packages_are_named(mamba):
    require_packages(mamba)
    edit(mamba.folder / "provenance/environment.json", lambda facts: facts["packages"].update(torch="1.0"))
    with pytest.raises(NotCheckable, match=r"other packages: torch 1\.0 \(here 2"):
        require_packages(replace(mamba))


def test_a_difference_that_the_level_allows_is_no_verdict(mamba):
    def promise(file, change):
        edit(mamba.folder / file, change)
        return unpromised(replace(mamba))

    assert unpromised(mamba) is None
    assert promise("manifest.json", lambda manifest: manifest.update(determinism="machine")) is None
    other = promise("provenance/environment.json", lambda facts: facts["cpu"].update(model="another"))
    assert "that host (another, " in other
    assert "promises no bits" in promise("manifest.json", lambda manifest: manifest.update(determinism="fast"))


@pytest.mark.parametrize("where", ["no run", "no git"])
def test_what_cannot_be_checked_is_exit_code_2_and_one_line(project, tmp_path, where):
    run_id, folder = run_ids(project)["mamba-0"], tmp_path
    if where == "no run":
        run_id, folder = "0123456789", project
    code, output = run_command(command, folder, run_id, "--tracking-uri", f"sqlite:///{project}/mlflow.db")
    assert code == 2
    assert output.splitlines()[-1].startswith("COULD NOT BE CHECKED: ")
    assert {"no run": "has no run 0123456789", "no git": "not a git repository"}[where] in output


@pytest.mark.nightly
def test_a_falsified_metric_in_the_database_is_exit_code_1(project, tmp_path):
    root = Project(project).copied(tmp_path / "falsified").path
    run_id = run_ids(root)["mamba-0"]
    with sqlite3.connect(root / "mlflow.db") as database:
        change = "UPDATE metrics SET value = value * 1.0001 WHERE key = 'test/loss' AND run_uuid = ?"
        assert database.execute(change, (run_id,)).rowcount == 1
    code, output = run_command(command, root, run_id)
    assert code == 1, output
    assert "DIFFERENT: " in output
    assert "first in MLflow metric test/loss" in output


@pytest.mark.nightly
def test_data_that_is_not_here_comes_from_its_stage_and_other_data_is_refused(project, tmp_path):
    root = Project(project).copied(tmp_path / "without data").path
    shutil.rmtree(root / "data/corpus")
    run_id = run_ids(root)["mamba-0"]
    code, output = run_command(command, root, run_id)
    assert code == 0, output
    assert "data: the run's, from its stage prepare" in output
    card = root / f"mlruns/{run_id}/artifacts/card.json"
    card.write_text(card.read_text().replace('"eos_id": 0', '"eos_id": 1'))
    code, output = run_command(command, root, run_id)
    assert code == 2, output
    assert "are not what it trained on: card.json eos_id: 1 and 0" in output
