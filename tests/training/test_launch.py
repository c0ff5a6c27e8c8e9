"""A stage that starts itself again as several processes, which say once what went wrong."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from tests.training.several_processes import Processes

from resnetbk.errors import UserError
from resnetbk.training.launch import relaunched, require_parts, wanted_processes

# What a stage would be, without its import of torch: it notes who it is, and ends as it is told.
JOB = """
import os, pathlib, signal, sys, time
rank, how = os.environ["RANK"], sys.argv[1]

def stop(number, frame):
    pathlib.Path(f"stopped-{rank}").touch()
    sys.exit(128 + number)

signal.signal(signal.SIGTERM, stop)
told = [os.environ["WORLD_SIZE"], os.environ["MASTER_ADDR"], *sys.argv[1:]]
pathlib.Path(f"started-{rank}").write_text(" ".join(told))
while len(list(pathlib.Path().glob("started-*"))) < int(os.environ["WORLD_SIZE"]):
    time.sleep(0.01)
if how == "wait":
    time.sleep(60)
if how == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if how == "fail" and rank == "1":
    sys.exit("ERROR in job: the reason")
if how == "fail":
    time.sleep(60)
"""


def launch(how: str, folder: Path, processes: int = 2) -> list[object]:
    """Launch the job in `folder` and return what became of it: what `relaunched` returned or raised."""
    os.chdir(folder)
    os.environ["RESNETBK_PROCESSES"] = str(processes)
    if how == "wait":
        threading.Thread(target=terminate_once_started, args=(processes,)).start()
    try:
        return ["returned", relaunched("job", [how, "--seed", "0"], parts=4)]
    except (UserError, SystemExit) as error:
        return [type(error).__name__, str(error)]


def terminate_once_started(processes: int) -> None:
    while len(list(Path().glob("started-*"))) < processes:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def launched(tmp_path: Path):
    (tmp_path / "job.py").write_text(JOB)

    def run(how: str, processes: int = 2) -> tuple[list[object], str]:
        group = Processes(1, tmp_path / "out", launch, how, tmp_path, processes)
        return group.results()[0], group.errors()

    return run


def test_every_process_gets_its_rank_and_the_command_line(launched, tmp_path: Path):
    assert launched("work", 3) == (["returned", True], "")
    started = {path.name: path.read_text() for path in tmp_path.glob("started-*")}
    assert started.keys() == {"started-0", "started-1", "started-2"}
    for text in started.values():
        size, address, *arguments = text.split()
        assert (size, arguments) == ("3", ["work", "--seed", "0"])
        assert address in {"localhost", socket.gethostname()}  # this machine, by the name torchrun finds for it


def test_the_process_that_fails_says_why_and_no_other(launched):
    assert launched("fail") == (["SystemExit", "1"], "ERROR in job: the reason\n")


def test_when_all_are_killed_the_launcher_says_so(launched):
    (kind, message), said = launched("die")
    assert (kind, said) == ("UserError", "")
    assert message.startswith("all processes were killed (process 0 by signal ")


def test_a_signal_to_the_launcher_reaches_all_and_waits_for_them(launched, tmp_path: Path):
    assert launched("wait") == (["SystemExit", "143"], "")
    assert {path.name for path in tmp_path.glob("stopped-*")} == {"stopped-0", "stopped-1"}


def test_one_process_is_no_launch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RESNETBK_PROCESSES", raising=False)
    assert not relaunched("job", [], parts=1)
    monkeypatch.setenv("RESNETBK_PROCESSES", "2")
    monkeypatch.setenv("RANK", "0")
    assert not relaunched("job", [], parts=1)


def test_a_part_is_not_split(monkeypatch: pytest.MonkeyPatch):
    require_parts(4, 4)
    monkeypatch.setenv("RESNETBK_PROCESSES", "4")
    with pytest.raises(UserError, match=r"train.accumulation is 3, too few for 4 processes.* to 4 or more"):
        relaunched("job", [], parts=3)


@pytest.mark.parametrize("text", ["0", "-1", "two", ""])
def test_a_number_of_processes_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("RESNETBK_PROCESSES", text)
    with pytest.raises(UserError, match="RESNETBK_PROCESSES is"):
        wanted_processes()
