"""Every run comes back from versioned files: those of commits, of DVC experiments, and of the working tree."""

import shutil
import subprocess
import sys

import pytest
from tests.replay.small import git
from tests.tracking.miniature import make_cell
from tests.tracking.test_track import open_database, runs

from resnetbk.errors import UserError
from resnetbk.tracking.rebuild import rebuild
from resnetbk.tracking.spool import record_cell
from resnetbk.tracking.track import track

OUTS = ("models", "metrics/train", "metrics/evaluate", "plots")


def commit(project, message, *, lock):
    """Commit the results of the tree; `lock` stands for dvc.lock."""
    (project / "dvc.lock").write_text(lock)
    git(project, "add", "-A", "-f", ":!mlflow.db", ":!mlruns", ":!.resnetbk", ":!another.db")
    git(project, "commit", "--quiet", f"--message={message}")
    return git(project, "rev-parse", "HEAD")


@pytest.fixture
def history(project):
    """Two commits with results and one without; the branch stands on the last."""
    (project / "dvc.yaml").unlink()
    git(project, "init", "--quiet", "--initial-branch=trunk")
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "-f"], cwd=project, check=True)
    first = commit(project, "first", lock="one")
    make_cell(project, "mamba", 0, steps=600, loss=3.25)
    second = commit(project, "second", lock="two")
    (project / "notes.txt").write_text("no results")
    commit(project, "third", lock="two")
    return first, second


def losses(client):
    """Return experiment to the test loss of mamba-0 in it."""
    return {
        experiment.name: run.data.metrics["test/loss"]
        for experiment in client.search_experiments(filter_string="name LIKE 'resnetbk/%'")
        for run in client.search_runs([experiment.experiment_id], "attributes.run_name = 'mamba-0'")
    }


def test_every_commit_and_experiment_is_restored_once(project, params, history, database, monkeypatch, capsys):
    make_cell(project, "mamba", 0, steps=600, loss=3.0)
    (project / "dvc.lock").write_text("three")
    git(project, "stash", "--quiet")  # what DVC keeps of an experiment is such a commit
    base, experiment = history[1], git(project, "rev-parse", "refs/stash")
    git(project, "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/hazy-owl", experiment)
    git(project, "update-ref", "refs/exps/stash", experiment)

    assert rebuild()
    client = open_database(database)
    expected = {"resnetbk/own parameters": 3.5, "resnetbk/own parameters 2": 3.25, "resnetbk/hazy-owl": 3.0}
    assert losses(client) == expected
    restored = runs(client)["mamba-0"]
    assert (restored.data.tags["git_commit"], restored.data.tags["git_dirty"]) == (history[0], "false")
    assert len(client.get_metric_history(restored.info.run_id, "train/loss")) == 60
    owl = runs(client, "resnetbk/hazy-owl")["mamba-0"].data.tags
    assert (owl["dvc_exp_name"], owl["dvc_exp_baseline_rev"]) == ("hazy-owl", base)

    capsys.readouterr()
    assert rebuild()
    assert capsys.readouterr().out.count("0 runs sent, 3 were there already") == 4
    assert losses(client) == expected


@pytest.mark.nightly
def test_what_track_has_sent_is_known_and_what_the_spool_knows_is_told(project, params, history, database, capsys):
    record_cell(stage="train", model="mamba", seed=0, seconds=60.0)
    track(params, root=project)
    capsys.readouterr()
    assert rebuild(["HEAD"])
    assert "0 runs sent, 3 were there already" in capsys.readouterr().out
    assert runs(open_database(database))["mamba-0"].data.tags["provenance"] == "recorded by train"


@pytest.mark.nightly
def test_outs_come_out_of_dvcs_cache_and_one_that_is_gone_is_named(project, database, capsys):
    (project / "dvc.yaml").unlink()
    git(project, "init", "--quiet", "--initial-branch=trunk")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q", "-f"], cwd=project, check=True)
    subprocess.run([*dvc, "add", "-q", *OUTS], cwd=project, check=True)
    (project / "dvc.lock").write_text("one")
    git(project, "add", ".", ":!mlflow.db")
    assert "weights.safetensors" not in git(project, "ls-files"), "DVC has them, and git does not"
    git(project, "commit", "--quiet", "--message=results")
    for out in OUTS:
        shutil.rmtree(project / out)
    assert rebuild(["HEAD"])
    assert runs(open_database(database))["mamba-0"].data.metrics["test/loss"] == 3.5
    shutil.rmtree(project / ".dvc/cache")
    capsys.readouterr()
    assert rebuild(["HEAD"])
    printed = capsys.readouterr().out
    assert "not restored" in printed
    assert "dvc fetch" in printed


@pytest.mark.nightly
def test_a_revision_that_git_does_not_know_is_one_clear_error(project, history):
    with pytest.raises(UserError, match="no-such-branch"):
        rebuild(["no-such-branch"])


@pytest.mark.nightly
def test_a_version_with_parameters_of_another_schema_is_named_and_passed_over(project, history, database, capsys):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("gradient_clip:", "clip_gradients:"))
    commit(project, "an older schema", lock="three")
    assert rebuild(["HEAD", "HEAD~1"])
    printed = capsys.readouterr().out
    assert "not restored" in printed
    assert "clip_gradients" in printed
    assert "3 runs sent" in printed
