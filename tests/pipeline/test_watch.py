"""What `resnetbk watch` says of the small project is what DVC says of it, at rest and while it trains."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest
from tests.pipeline.kills import Running, kill
from tests.pipeline.project import Project

from resnetbk.errors import UserError
from resnetbk.watch import Watcher
from resnetbk.watch.graph import Graph

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC, about its pygtrie


def undone(project: Project) -> set[str]:
    graph = Graph(project.path.resolve())
    return graph.stages.keys() - graph.done()


def changed(project: Project) -> set[str]:
    """Return what DVC itself would run: it names those that changed, and what stands below runs too."""
    status = set(json.loads(project.run("dvc status --json").stdout))
    above = Graph(project.path.resolve()).above
    while more := {name for name, needed in above.items() if status & needed} - status:
        status |= more
    return status


def test_all_is_done_after_a_run_and_losses_are_the_recorded_ones(done: Project):
    (tree,) = Watcher(done.path).look()
    assert tree.count("done") == len(tree.cells) > 10
    (cell,) = [cell for cell in tree.cells if cell.name == "train@mamba-0"]
    rows = [json.loads(line) for line in done.read("metrics/train/mamba-0.jsonl").splitlines()]
    assert cell.result == [row["validation_loss"] for row in rows if "validation_loss" in row][-1]


def test_a_parameter_undoes_its_cells_and_what_stands_below(done: Project):
    before = done.read("params.yaml")
    done.set("models.mamba.state_size", 12)
    cells = {"audit@mamba", "tune@mamba-0.006", "train@mamba-0", "evaluate@mamba-0", "compare", "plot", "track"}
    assert undone(done) == cells
    (done.path / "params.yaml").write_text(before)
    assert not undone(done)


def test_a_lock_that_is_being_written_is_read_when_it_is_whole(done: Project):
    lock, whole = done.path / "dvc.lock", done.read("dvc.lock")
    watcher = Watcher(done.path)
    before = watcher.look()
    lock.write_text(whole[: whole.index("cmd:") + 2])
    try:
        assert watcher.look() == before
        with pytest.raises(UserError, match="DVC cannot read it"):
            Watcher(done.path).look()
        lock.write_text(whole[: whole.index("  track:")])
        assert watcher.look()[0].count("waiting")
    finally:
        lock.write_text(whole)
    assert watcher.look() == before


def test_a_tree_that_is_taken_away_is_no_longer_shown(done: Project):
    watcher = Watcher(done.path)
    watcher.look()
    away = done.path.rename(done.path.with_name("away"))
    try:
        with pytest.raises(UserError, match="DVC cannot read it"):
            watcher.look()
    finally:
        away.rename(done.path)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "command",
    [
        "true",
        "echo '# more' >> src/resnetbk/evaluation/__init__.py",
        "rm -r models/mamba-0",
        "sed -i 's/steps: 8$/steps: 9/' params.yaml",
        "echo ' ' >> data/corpus/card.json",
        "sed -i '/evaluate@mamba-0:/,$d' dvc.lock",
    ],
)
def test_it_agrees_with_dvc(done: Project, command: str):
    done.run("git stash --include-untracked --quiet || true; git checkout -q . && dvc checkout -q --force")
    done.run(command)
    assert undone(done) == changed(done)
    done.run("git checkout -q . && dvc checkout -q --force")


@pytest.mark.nightly
def test_a_training_that_runs_is_shown_and_ends(done: Project):
    done.set("train.steps", 3000)
    done.run("resnetbk plan register")
    running = Running(done, "resnetbk", "reproduce", "--jobs", "1")
    seen = ""
    try:
        end = time.monotonic() + 240
        while not re.search(r"train@resnet_bk-0 +\d+/3000 +\d\.\d{4}", seen):
            assert time.monotonic() < end and running.process.poll() is None, seen
            seen = done.run("resnetbk watch --once").stdout
        assert "\x1b" not in seen
        assert re.search(r"train +0/2 +running: resnet_bk-0; waiting: mamba-0", seen)
    finally:
        kill(running)
    assert "no stage is running just now" in done.run("resnetbk watch --once").stdout


def live(project: Project, until: str = "", number: int = 0) -> tuple[int, str]:
    """Run `resnetbk watch` in a terminal; return its exit code and what it drew.

    **Arguments:** `until`: what it shall have shown twice before it gets the signal `number`, 0 for none.
    """
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        ["resnetbk", "watch", "--interval", "0.2"],
        cwd=project.path,
        env=project.environment() | {"TERM": "xterm", "COLUMNS": "100", "LINES": "50"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = ""
    try:
        while part := os.read(ours, 65536).decode():
            drawn += part
            if number and drawn.count(until) > 1:
                watching.send_signal(number)
                number = 0
    except OSError:  # how Linux says that nobody has the terminal open any more
        pass
    os.close(ours)
    return watching.wait(), drawn


@pytest.mark.nightly
def test_in_a_terminal_it_draws_until_all_is_done(done: Project):
    code, drawn = live(done)
    assert code == 0 and "14 done, 0 running, 0 waiting" in drawn and "\x1b[" in drawn


@pytest.mark.nightly
def test_in_a_terminal_it_waits_and_ends_by_ctrl_c(done: Project):
    before = done.read("params.yaml")
    done.set("models.mamba.state_size", 12)
    code, drawn = live(done, "7 waiting", signal.SIGINT)
    (done.path / "params.yaml").write_text(before)
    assert code == 0 and drawn.count("no stage is running just now") > 1 and "Traceback" not in drawn
