"""A git repository of a few lines with a run recorded in it."""

import contextlib
import io
import json
import shutil
import sqlite3
import subprocess
from argparse import ArgumentParser
from pathlib import Path

from resnetbk.replay.recorded import RecordedCell
from resnetbk.repro.files import sha256_file
from resnetbk.repro.provenance import get_environment_info


def git(folder, *arguments):
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(root):
    """Commit params.yaml and a module."""
    (root / "src/resnetbk").mkdir(parents=True)
    (root / "params.yaml").write_text("train: {steps: 1}\n")
    (root / "src/resnetbk/model.py").write_text("WIDTH = 1\n")
    git(root, "init", "--quiet", "--initial-branch=trunk")
    git(root, "add", "-A")
    git(root, "commit", "--quiet", "--message=first")
    return root


def record(root, folder, code=("src/resnetbk/model.py",)):
    """Record a run of the tree as it stands; the rest of what MLflow would hold is not needed."""
    provenance = get_environment_info(root)
    (folder / "provenance").mkdir(parents=True)
    (folder / "provenance/environment.json").write_text(json.dumps(provenance))
    if provenance["git"]["diff"]:
        (folder / "provenance/git.diff").write_text(provenance["git"]["diff"])
    (folder / "manifest.json").write_text(json.dumps({"code": {name: sha256_file(root / name) for name in code}}))
    shutil.copy(root / "params.yaml", folder)
    return RecordedCell("0" * 32, "mamba", 0, {}, {}, folder)


def run_ids(root):
    """Return name to id of the runs in a project's database."""
    with sqlite3.connect(f"file:{root}/mlflow.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT name, run_uuid FROM runs ORDER BY start_time"))


def contents(root):
    """Return the SHA-256 of every file of a tree, what git keeps of its own aside."""
    return {
        path.relative_to(root).as_posix(): sha256_file(path)
        for path in sorted(Path(root).rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and ".git" not in path.parts
        and "__pycache__" not in path.parts
    }


def run_command(command, folder, *arguments):
    """Run a subcommand of `resnetbk` in a folder; return its exit code and what it printed."""
    parser = ArgumentParser()
    command.configure(parser)
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = command.run(parser.parse_args(arguments))
    return code, out.getvalue()
