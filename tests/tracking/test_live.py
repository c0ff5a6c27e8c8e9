"""A follower beside a pipeline: one warning for an outage, the rest at the end, then its own end."""

import subprocess
import sys
import threading

import pytest
from tests.tracking.test_track import open_database, runs
from tests.tracking.trainings import write_journal

from resnetbk.params import load_params
from resnetbk.tracking.journals import open_journals, read_journal
from resnetbk.tracking.live import describe, follow, follower, until, wanted_live
from resnetbk.tracking.pipeline_run import params_key


class Moody:
    """A sender whose tracker is down at some of the looks."""

    name = "moody"

    def __init__(self, down):
        self.down, self.looks = down, 0

    def drain(self):
        self.looks += 1
        if self.looks in self.down:
            raise ConnectionError("http://me:pa55word@host is down")


def over_after(looks):
    """Wait no time at all, so many times."""
    waits = iter([False] * looks)
    intervals = []

    def over(seconds):
        intervals.append(seconds)
        return next(waits, True)

    return over, intervals


def test_an_outage_is_one_warning_and_the_looks_get_rarer(capsys):
    over, intervals = over_after(7)
    sender = Moody(down={2, 3, 4, 7})
    assert follow([sender], over) == []
    assert sender.looks == 8, "and once more when it is over"
    assert intervals == [2, 2, 4, 8, 16, 2, 2, 4]
    printed = capsys.readouterr().err
    assert printed.count("WARNING: moody does not take the journals: ConnectionError") == 2
    assert "pa55word" not in printed


def test_what_is_not_taken_at_the_end_is_told():
    over, _ = over_after(0)
    assert "is down" in follow([Moody(down={1})], over)[0]


def test_it_ends_with_the_process_that_it_follows():
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    over = until(threading.Event(), other.pid)
    assert not over(0)
    other.communicate(b"\n")
    assert over(0)


def test_a_server_or_a_tracker_in_the_environment_asks_for_live_runs(monkeypatch):
    assert not wanted_live()
    monkeypatch.setenv("RESNETBK_TRACKERS", "tensorboard")
    assert wanted_live()
    monkeypatch.delenv("RESNETBK_TRACKERS")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert wanted_live()


def test_a_training_with_other_parameters_is_another_pipeline_run(project, params):
    def described(**facts):
        return describe(read_journal(write_journal(project, **facts))[0][0])

    mine = described()
    assert mine.params["models.mamba.state_size"] == "16"
    assert mine.asked.tags["params_sha256"] == params_key(params)
    smaller = params.models | {"mamba": params.models["mamba"].model_copy(update={"state_size": 8})}
    queued = described(params=params.model_copy(update={"models": smaller}))
    assert queued.asked.key != mine.asked.key
    assert queued.params["models.mamba.state_size"] == "8", "and not those of the main repository now"
    assert len(open_journals(project)) == 2


def test_a_training_whose_parameters_nobody_knows_has_none(project):
    path = write_journal(project)
    (begin, *_), _ = read_journal(path)
    for unknown in (None, "0" * 64, {"train": {}}):
        assert describe(begin | {"params": unknown}).params == {}


@pytest.mark.nightly
def test_a_follower_sends_what_is_written_while_the_block_runs(project, database):
    with follower(True):
        write_journal(project)
    run = runs(open_database(database))["mamba-0"]
    assert run.info.status == "FINISHED"
    assert run.data.params["models.mamba.state_size"] == str(load_params().models["mamba"].state_size)
    with follower(False):
        write_journal(project, "resnet_bk-0")
    assert "resnet_bk-0" not in runs(open_database(database))
