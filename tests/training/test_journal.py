"""The journal arrives whole and in order, whatever the disk does, and nobody waits for it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.training.cell_processes import NOT_ALLOWED, mount
from tests.training.forked import Forked

from resnetbk.tracking.journals import journal_outcome, open_journals, read_journal
from resnetbk.training.journal import Journal, new_journal

LINES = 2000
MOUNT_AGAIN = 32  # MS_REMOUNT
HEADER = {"stage": "train", "cell": "mamba-0"}


def tell(journal: Journal, lines: int = LINES) -> float:
    """Write points; return the longest time that one call took."""
    longest = 0.0
    for step in range(1, lines + 1):
        start = time.perf_counter()
        journal.points(step, 100 * step, {"train/loss": 1 / step, "train/learning_rate": 1e-3})
        longest = max(longest, time.perf_counter() - start)
    return longest


def test_lines_arrive_in_order_and_can_be_read_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DVC_EXP_NAME", "able-newt")
    monkeypatch.setenv("RESNETBK_PARAMS", '{"train": {"steps": 60}}')
    with closing(new_journal(tmp_path, HEADER)) as journal:
        journal.begin(40)
        journal.points(50, 5000, {"train/loss": 2.5, "train/perplexity": float("inf")})
        while not (paths := open_journals(tmp_path)):
            time.sleep(0.001)
        (path,) = paths
        records, offset = [], 0
        while len(records) < 2:
            found, offset = read_journal(path, offset)
            records += found
        assert journal_outcome(records) == "running"
        journal.end("finished", 60)
    more, offset = read_journal(path, offset)
    assert path.name.startswith("train-mamba-0-") and offset == path.stat().st_size
    begin, points, end = [{**record, "time": 0} for record in records + more]
    assert begin.pop("commit") is not None
    expected = {
        "kind": "begin",
        "time": 0,
        **HEADER,
        "experiment": "able-newt",
        "params": {"train": {"steps": 60}},
    }
    assert begin == {**expected, "from_step": 40, "pid": os.getpid()}
    assert points == {"kind": "points", "time": 0, "step": 50, "tokens": 5000, "metrics": {"train/loss": 2.5}}
    assert end == {"kind": "end", "time": 0, "step": 60, "outcome": "finished"}
    assert journal_outcome(records + more) == "finished"


def test_half_a_line_waits_and_rubbish_is_passed_over(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"kind": "begin"}\n\0\0\0\n[1]\n{"kind": "poi')
    records, offset = read_journal(path)
    assert records == [{"kind": "begin"}]
    with path.open("ab") as file:
        file.write(b'nts"}\n')
    assert read_journal(path, offset) == ([{"kind": "points"}], path.stat().st_size)


def test_a_training_that_never_began_leaves_no_journal(tmp_path: Path):
    with closing(new_journal(tmp_path, HEADER)) as journal:
        journal.end("failed")
    assert open_journals(tmp_path) == []


def write_and_be_killed(folder: Path) -> None:
    journal = Journal(folder / "a.jsonl")
    journal.begin(0)
    tell(journal)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_told_before_a_kill_is_there(tmp_path: Path):
    code, _ = Forked(tmp_path / "errors", write_and_be_killed, tmp_path).wait()
    records, _ = read_journal(tmp_path / "a.jsonl")
    assert code == -signal.SIGKILL
    assert [record["step"] for record in records[1:]] == list(range(1, LINES + 1))
    assert journal_outcome(records) == "killed"


def write_on_a_full_disk(folder: Path, room_again: bool) -> None:
    """Write what does not fit; with `room_again`, remove what fills the disk before the end."""
    mount(folder)
    filler = folder / "filler"
    filler.write_bytes(bytes(40_000))
    journal = Journal(folder / "a.jsonl")
    journal.begin(0)
    longest = tell(journal)
    while not journal.path.exists() or journal.path.stat().st_size < 20_000:
        time.sleep(0.01)
    time.sleep(0.2)  # by now it has been refused
    if room_again:
        filler.unlink()
        mount_larger(folder)
    journal.end("finished", LINES)
    journal.close()
    records, _ = read_journal(journal.path)
    summary = {"longest": longest, "steps": [record["step"] for record in records[1:]]}
    (folder.parent / "summary.json").write_text(json.dumps(summary))


def mount_larger(folder: Path) -> None:
    assert ctypes.CDLL(None).mount(b"none", os.fsencode(folder), b"tmpfs", MOUNT_AGAIN, b"size=4m") == 0


@pytest.mark.parametrize("room_again", [True, False])
def test_a_full_disk_costs_one_warning_and_once_there_is_room_nothing(tmp_path: Path, room_again: bool):
    code, said = Forked(tmp_path / "errors", write_on_a_full_disk, tmp_path / "disk", room_again).wait()
    if code == NOT_ALLOWED:
        pytest.skip("this machine lets nobody but root mount a file system")
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert code == 0 and summary["longest"] < 0.2, "seconds that a call took, with two processes on one core"
    assert said.count("cannot be written (No space left on device)") == 1
    expected = [*range(1, LINES + 1), LINES]
    if room_again:
        assert summary["steps"] == expected and "lost" not in said
    else:  # the control: the disk was really full
        assert summary["steps"] == expected[: len(summary["steps"])] and len(summary["steps"]) < LINES
        assert "lines are lost (No space left on device)" in said


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / ".resnetbk").write_text("")
    with closing(new_journal(tmp_path, HEADER)) as journal:
        journal.begin(0)
        tell(journal, 10)
    said = capsys.readouterr().err
    assert "11 lines are lost (Not a directory)" in said
