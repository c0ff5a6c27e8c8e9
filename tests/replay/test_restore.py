"""The tree of a run is what it was, to the byte, or the reason why it cannot be is named."""

import json

import pytest
from tests.replay.small import git, make_repository, record

from resnetbk.replay import recorded
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.restore import restore
from resnetbk.replay.worktree import worktree

MODEL, NEW = "src/resnetbk/model.py", "src/resnetbk/new.py"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "a project").mkdir()
    return make_repository(tmp_path / "a project")


def restored(run, repository):
    """Return the files of the restored tree, and the notes."""
    with worktree(repository, run.commit) as tree:
        notes = restore(tree, run, repository)
        return {
            path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*.*") if path.is_file()
        }, notes


def edit(run, name, change):
    path = run.folder / name
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_a_diff_an_untracked_module_and_the_runs_own_params_come_back(repository, tmp_path):
    (repository / MODEL).write_bytes("WIDTH = 2\r\n# ümlaut, no newline at the end".encode())
    (repository / NEW).write_text("X = 1\n")
    run = record(repository, tmp_path / "run", code=(MODEL, NEW))
    (run.folder / "params.yaml").write_text("train: {steps: 7}\n")  # as MLflow was given it, later than the diff
    files, notes = restored(run, repository)
    assert files[MODEL] == (repository / MODEL).read_bytes()
    assert files[NEW] == b"X = 1\n"
    assert files["params.yaml"] == b"train: {steps: 7}\n"
    assert notes == []


def test_an_untracked_module_that_is_gone_comes_from_mlflow(repository, tmp_path):
    (repository / NEW).write_text("X = 1\n")
    run = record(repository, tmp_path / "run", code=(NEW,))
    (repository / NEW).write_text("X = 2\n")
    run.stored(NEW).parent.mkdir(parents=True)
    run.stored(NEW).write_text("X = 1\n")
    assert restored(run, repository)[0][NEW] == b"X = 1\n"


def test_an_untracked_module_that_nobody_has_is_named(repository, tmp_path):
    (repository / NEW).write_text("X = 1\n")
    run = record(repository, tmp_path / "run", code=(MODEL, NEW))
    (repository / NEW).write_text("X = 2\n")
    with pytest.raises(NotCheckable, match=r"missing: src/resnetbk/new\.py \(.*its content is recorded nowhere"):
        restored(run, repository)


def test_an_untracked_file_that_was_not_imported_is_a_note(repository, tmp_path):
    (repository / "notes.txt").write_text("1")
    run = record(repository, tmp_path / "run")
    (repository / "notes.txt").unlink()
    assert restored(run, repository)[1] == ["untracked then and not to be had now: notes.txt"]


def test_other_code_than_was_recorded_is_named(repository, tmp_path):
    """A record that lies: its hash is not that of the commit with the diff."""
    run = record(repository, tmp_path / "run")
    edit(run, "manifest.json", lambda manifest: manifest["code"].update({MODEL: "0" * 64}))
    with pytest.raises(NotCheckable, match=r"not the code that trained; other or missing: src/resnetbk/model\.py"):
        restored(run, repository)


def test_a_diff_that_was_cut_is_refused_before_anything_is_made(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("resnetbk.repro.git.DIFF_LIMIT", 50)
    (repository / MODEL).write_text("WIDTH = 2\n")
    run = record(repository, tmp_path / "run")
    assert recorded.CUT.search((run.folder / "provenance/git.diff").read_text())
    with pytest.raises(NotCheckable, match=r"its recorded diff is not whole \(cut here: the diff has \d+ char"):
        restored(run, repository)


def test_a_diff_that_does_not_apply_is_an_error(repository, tmp_path):
    (repository / MODEL).write_text("WIDTH = 2\n")
    run = record(repository, tmp_path / "run")
    (run.folder / "provenance/git.diff").write_text(run.diff.replace("-WIDTH = 1", "-WIDTH = 3"))
    with pytest.raises(NotCheckable, match="does not apply to commit"):
        restored(run, repository)


def test_a_diff_of_binary_files_is_refused_and_not_half_applied(repository, tmp_path):
    (repository / "table.npy").write_bytes(b"\0\1")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "--message=second")
    (repository / "table.npy").write_bytes(b"\0\2")
    run = record(repository, tmp_path / "run")
    with pytest.raises(NotCheckable, match=r"of binary files a diff records the names alone"):
        restored(run, repository)


@pytest.mark.parametrize("path", ["../../outside.py", "/tmp/resnetbk-outside.py"])
def test_a_path_that_leads_out_of_the_tree_writes_nothing(repository, tmp_path, path):
    run = record(repository, tmp_path / "run")
    edit(run, "provenance/environment.json", lambda facts: facts["git"]["untracked"].update({path: "0" * 64}))
    with pytest.raises(NotCheckable, match="leads out of its tree; nothing was written"):
        restored(run, repository)


def test_another_lock_is_refused(repository, tmp_path):
    (repository / "requirements.lock").write_text("torch==1\n")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "--message=second")
    run = record(repository, tmp_path / "run")
    edit(run, "provenance/environment.json", lambda facts: facts.update(lock_sha256="0" * 64))
    with pytest.raises(NotCheckable, match=r"requirements\.lock of its tree is not the one"):
        restored(run, repository)


def test_a_run_made_outside_of_git_says_so(tmp_path):
    (tmp_path / "plain/src/resnetbk").mkdir(parents=True)
    (tmp_path / "plain/params.yaml").touch()
    run = record(tmp_path / "plain", tmp_path / "run", code=())
    with pytest.raises(NotCheckable, match=r"names no commit .*not a git repository"):
        _ = run.commit
