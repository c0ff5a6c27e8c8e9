"""What stands in journals reaches a tracker whole and once, whatever the tracker does in between."""

import json
import os
import signal
import subprocess
import sys

import pytest
from tests.tracking.trainings import write_journal

from resnetbk.tracking.pipeline_run import pipeline_run
from resnetbk.tracking.sender import Sender, sent_journals
from resnetbk.tracking.sink import Refused, RunGone, Training

ASKED = pipeline_run("0" * 64, preset=None, experiment="")


class Notebook:
    """A tracker that keeps what it is told; `fault`, once set, is raised instead of taking points."""

    def __init__(self):
        self.runs, self.points_of, self.ends, self.fault = [], {}, {}, None

    def begin(self, training, run):
        run = run or f"run {len(dict(self.runs))}"
        self.runs.append((run, training.name))
        return run

    def points(self, run, records):
        if self.fault:
            raise self.fault
        self.points_of.setdefault(run, []).extend(record["step"] for record in records)

    def end(self, run, outcome, time):
        self.ends[run] = outcome

    def close(self):
        pass


class Forgetful(Notebook):
    """A tracker that was made anew: it knows the runs that it began itself."""

    def points(self, run, records):
        if run not in dict(self.runs):
            raise RunGone
        super().points(run, records)


@pytest.fixture
def notebook():
    return Notebook()


def sender(root, sink, address="here"):
    return Sender(root, "notebook", address, sink, lambda begin: Training(ASKED, begin["cell"], begin, {}))


def test_all_is_sent_and_nothing_twice(tmp_path, notebook):
    write_journal(tmp_path)
    write_journal(tmp_path, "resnet_bk-0")
    assert sender(tmp_path, notebook).drain() == 2 * 8
    assert sender(tmp_path, notebook).drain() == 0, "another sender, with the same memory"
    assert [name for _, name in notebook.runs] == ["mamba-0", "resnet_bk-0"], "in the order in which they began"
    assert notebook.points_of == {run: [10, 20, 30, 40, 50, 60] for run, _ in notebook.runs}
    assert set(notebook.ends.values()) == {"finished"}
    sender(tmp_path, another := Notebook(), "another address").drain()
    assert another.points_of == notebook.points_of


def test_a_journal_that_grows_is_sent_as_it_grows_and_half_a_line_waits(tmp_path, notebook):
    path = write_journal(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    sender(tmp_path, notebook).drain()
    assert notebook.points_of == {"run 0": [10, 20]}
    assert notebook.ends == {}
    path.write_bytes(b"".join(lines))
    sender(tmp_path, notebook).drain()
    assert notebook.points_of == {"run 0": [10, 20, 30, 40, 50, 60]}
    assert notebook.ends == {"run 0": "finished"}


def test_what_a_tracker_does_not_take_is_sent_when_it_is_back(tmp_path, notebook):
    write_journal(tmp_path)
    notebook.fault = ConnectionError("the server is down")
    for _ in range(2):
        with pytest.raises(ConnectionError):
            sender(tmp_path, notebook).drain()
    assert sent_journals(tmp_path) == set()
    notebook.fault = None
    sender(tmp_path, notebook).drain()
    assert notebook.runs == [("run 0", "mamba-0")], "begun once"
    assert notebook.points_of == {"run 0": [10, 20, 30, 40, 50, 60]}


def test_a_resumed_training_goes_on_in_its_run_and_says_no_step_twice(tmp_path, notebook):
    write_journal(tmp_path, steps=range(10, 41, 10), end="interrupted")
    sender(tmp_path, notebook).drain()
    write_journal(tmp_path, steps=range(30, 61, 10), from_step=20)
    sender(tmp_path, notebook).drain()
    assert notebook.points_of == {"run 0": [10, 20, 30, 40, 50, 60]}
    write_journal(tmp_path, steps=range(10, 21, 10), from_step=0)
    sender(tmp_path, notebook).drain()
    assert notebook.points_of["run 1"] == [10, 20], "a training from the first step is another"


def test_a_training_that_was_killed_says_so_once_its_process_is_gone(tmp_path, notebook):
    code = (
        "import os, sys; from pathlib import Path; from tests.tracking.trainings import write_journal\n"
        f"write_journal(Path({str(tmp_path)!r}), end=None); print(flush=True); sys.stdin.read()"
    )
    training = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    training.stdout.readline()
    sender(tmp_path, notebook).drain()
    assert notebook.ends == {}, "it is there and may go on"
    os.kill(training.pid, signal.SIGKILL)
    training.communicate()
    sender(tmp_path, notebook).drain()
    assert notebook.ends == {"run 0": "killed"}
    assert len(notebook.points_of["run 0"]) == 6


def test_a_tracker_that_has_lost_its_runs_is_told_all_again(tmp_path, notebook):
    path = write_journal(tmp_path, end=None)
    sender(tmp_path, notebook).drain()
    with path.open("a") as file:
        file.write(json.dumps({"kind": "end", "time": 1.0, "step": 60, "outcome": "finished"}) + "\n")
        file.write(json.dumps({"kind": "points", "time": 1.0, "step": 70, "tokens": 1, "metrics": {}}) + "\n")
    sender(tmp_path, fresh := Forgetful()).drain()
    assert fresh.points_of == {"run 0": [10, 20, 30, 40, 50, 60, 70]}


def test_what_a_tracker_will_never_take_is_one_warning_and_holds_nothing_up(tmp_path, notebook, capsys):
    write_journal(tmp_path)
    notebook.fault = Refused("no such name")
    sender(tmp_path, notebook).drain()
    sender(tmp_path, notebook).drain()
    assert capsys.readouterr().err.count("WARNING: notebook refuses part of train-mamba-0-") == 1


def test_only_what_every_tracker_has_taken_to_its_end_counts_as_sent(tmp_path, notebook):
    ended = write_journal(tmp_path)
    write_journal(tmp_path, end=None)
    sender(tmp_path, notebook).drain()
    assert sent_journals(tmp_path) == {ended.name}
    notebook.fault = ConnectionError()
    with pytest.raises(ConnectionError):
        sender(tmp_path, notebook, "another address").drain()
    assert sent_journals(tmp_path) == set()


def test_the_memory_holds_no_journal_that_is_gone_and_no_address(tmp_path, notebook):
    write_journal(tmp_path).unlink()
    kept = write_journal(tmp_path)
    sender(tmp_path, notebook, "https://me:pa55word@example.org").drain()
    (memory,) = (tmp_path / ".resnetbk/sent").glob("*.json")
    assert list(json.loads(memory.read_text())["journals"]) == [kept.name]
    assert "pa55word" not in memory.read_text() + memory.name
