"""TensorBoard and Weights & Biases, where they are installed; without them nothing is missing."""

import json
import subprocess
import sys

import pytest
from tests.tracking.trainings import write_journal

from resnetbk.errors import UserError
from resnetbk.tracking.live import open_senders, send_once, wanted_trackers

LIBRARIES = ("tensorboard", "wandb")


def drained(project, name):
    (sender,) = open_senders([name], project)
    failed = send_once([sender])
    sender.close()
    assert failed == []


def test_tensorboard_shows_a_resumed_training_as_one_curve(project):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_journal(project, steps=range(10, 41, 10), end="interrupted")
    drained(project, "tensorboard")
    write_journal(project, steps=range(30, 61, 10), from_step=20)
    drained(project, "tensorboard")
    shown = EventAccumulator(str(project / ".resnetbk/tensorboard/own parameters/mamba-0")).Reload()
    assert [event.step for event in shown.Scalars("train/loss")] == [10, 20, 30, 40, 50, 60]
    assert {"train/learning_rate", "time/forward_seconds"} <= set(shown.Tags()["scalars"])
    assert shown.Tensors("outcome")[-1].tensor_proto.string_val == [b"finished"]


@pytest.mark.nightly
def test_wandb_takes_a_training_without_a_network(project, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    write_journal(project)
    command = [sys.executable, "-m", "resnetbk.cli", "tracking", "send"]
    monkeypatch.setenv("RESNETBK_TRACKERS", "wandb")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder,) = (project / ".resnetbk/wandb").glob("offline-run-*")
    (log,) = folder.glob("*.wandb")
    assert b"train/loss" in log.read_bytes()
    assert b"finished" in log.read_bytes()


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_its_library_a_tracker_is_one_clear_error_and_the_others_work(project, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)  # what Python makes of a library that is not there
    open_senders(["mlflow"], project)
    with pytest.raises(UserError, match=rf"pip install -e '\.\[{library}\]'"):
        open_senders([library], project)


def test_a_tracker_that_does_not_exist_is_named_with_the_nearest(monkeypatch):
    monkeypatch.setenv("RESNETBK_TRACKERS", "mlflow, tensorbord")
    with pytest.raises(UserError, match=r"'tensorbord'.*tensorboard"):
        wanted_trackers()
    monkeypatch.delenv("RESNETBK_TRACKERS")
    assert wanted_trackers() == ("mlflow",)


def test_the_memories_of_trackers_are_apart(project):
    pytest.importorskip("tensorboard")
    write_journal(project)
    drained(project, "tensorboard")
    (memory,) = (project / ".resnetbk/sent").glob("*.json")
    assert memory.name.startswith("tensorboard-")
    assert all(journal["ended"] for journal in json.loads(memory.read_text())["journals"].values())
