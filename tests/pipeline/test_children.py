"""A signal to the one who waits reaches the work behind DVC and its shell, once, and is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

# What DVC is here: it runs a shell, which runs a stage; it turns deaf to Ctrl-C meanwhile, and then ends.
LIKE_DVC = """
import signal, subprocess, sys
child = subprocess.Popen(["/bin/sh", "-c", f"{sys.executable} stage.py {sys.argv[1]}; exit $?"])
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.exit(child.wait())
"""
# A stage that notes each signal and takes half a second to save.
STAGE = """
import signal, sys, time
from pathlib import Path
def note(number, frame):
    with open(f"signals-{sys.argv[1]}", "a") as file: file.write(f"{number}\\n")
    time.sleep(0.5)
    Path(f"saved-{sys.argv[1]}").touch()
    sys.exit(128 + number)
for number in (signal.SIGTERM, signal.SIGINT): signal.signal(number, note)
print("begun", flush=True)
Path(f"begun-{sys.argv[1]}").touch()
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 60)
"""
RUNNER = """
import sys
from resnetbk.pipeline.children import run_together
jobs, *names = sys.argv[1:]
print(run_together([[sys.executable, "like_dvc.py", name] for name in names], int(jobs), dvc=True))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in (("like_dvc", LIKE_DVC), ("stage", STAGE), ("runner", RUNNER)):
        (tmp_path / f"{name}.py").write_text(code)
    return tmp_path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "runner.py", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(*paths: Path) -> None:
    limit = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < limit, f"{paths} did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("to_all", [False, True], ids=["to the process", "to its group, as a terminal does"])
def test_each_stage_gets_the_signal_once_and_may_save(folder: Path, number: signal.Signals, to_all: bool):
    runner = start(folder, "2", "a", "b", "c")
    wait_for(folder / "begun-a", folder / "begun-b")
    descendants = psutil.Process(runner.pid).children(recursive=True)
    assert len(descendants) >= 4
    (os.killpg if to_all else os.kill)(runner.pid, number)
    _, errors = runner.communicate(timeout=30)
    assert runner.returncode == 128 + number
    assert f"Stopped by {number.name}" in errors
    for name in ("a", "b"):
        assert (folder / f"saved-{name}").exists()
        assert (folder / f"signals-{name}").read_text() == f"{number}\n"
    assert not (folder / "begun-c").exists(), "what waited for its turn is not begun"
    assert not [process for process in descendants if process.is_running()]


def test_without_a_signal_the_exit_codes_come_back(folder: Path):
    (folder / "stage.py").write_text("import sys; print(sys.argv[1], flush=True); sys.exit(sys.argv[1] == 'b')")
    output, errors = start(folder, "2", "a", "b", "c").communicate(timeout=60)
    assert output.splitlines()[-1] == "[0, 1, 0]", errors
    assert sorted(output.splitlines()[:-1]) == ["a", "b", "c"]


def test_a_second_signal_does_not_wait(folder: Path):
    until_told = "[time.sleep(0.05) for _ in iter(Path('go').exists, True)]"
    (folder / "stage.py").write_text(STAGE.replace("time.sleep(0.5)", until_told))
    runner = start(folder, "1", "a")
    wait_for(folder / "begun-a")
    runner.terminate()
    wait_for(folder / "signals-a")
    runner.terminate()
    assert runner.wait(timeout=60) == -signal.SIGTERM
    assert not (folder / "saved-a").exists()
    (folder / "go").touch()
    wait_for(folder / "saved-a")
    runner.communicate()
