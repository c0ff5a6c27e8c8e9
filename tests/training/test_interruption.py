"""SIGTERM and Ctrl-C save first and end cleanly; a second one ends at once. Real processes, real signals."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest
from tests.training.cell_processes import (
    work,
    work_and_write_slowly,
    work_deaf,
    work_in_a_thread,
    work_slowly,
)
from tests.training.forked import Forked
from tests.training.small_cell import make_root, outs, states

from resnetbk.training.interruption import stop_signals

STEPS, INTERVAL = 80, 5  # half a second or more after the first state, which the signal follows at once
ENDLESS, NEVER = 100_000, 1_000_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_root(tmp_path_factory.mktemp("interrupted") / "root")


@pytest.fixture
def root(fresh: Path, tmp_path: Path) -> Path:
    return shutil.copytree(fresh, tmp_path / "root")


@pytest.fixture(scope="module")
def undisturbed(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    root = shutil.copytree(fresh, tmp_path_factory.mktemp("undisturbed") / "root")
    assert Forked(root / "errors", work, root, STEPS, INTERVAL).wait()[0] == 0
    return outs(root)


def locks(root: Path) -> list[Path]:
    return list((root / ".resume").glob("*.lock"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_saves_says_so_and_goes_on_to_the_same_bits(root: Path, undisturbed: str, number: signal.Signals):
    process = Forked(root / "errors", work, root, STEPS, INTERVAL)
    process.wait_until(lambda: states(root))
    process.send(number)
    code, said = process.wait()
    line = said.splitlines()[-1]
    assert code == 128 + number, said
    assert "Traceback" not in said
    assert line.startswith("transformer-0: saved at step ") and line.endswith("; run again to go on")
    assert INTERVAL <= int(line.split()[4].rstrip(";")) < STEPS
    assert not (root / "models").exists() and not locks(root)
    assert Forked(root / "errors", work, root, STEPS, INTERVAL).wait()[0] == 0
    assert outs(root) == undisturbed


def test_the_state_is_of_the_step_that_was_going_on(root: Path):
    """No state was due yet: the one that is there is the signal's."""
    process = Forked(root / "errors", work, root, ENDLESS, NEVER)
    process.wait_until(lambda: locks(root))
    time.sleep(0.3)
    assert not states(root)
    process.send(signal.SIGTERM)
    assert "saved at step" in process.wait()[1]
    assert states(root)


def test_the_control_without_listening_nothing_is_saved(root: Path):
    process = Forked(root / "errors", work_deaf, root, ENDLESS, NEVER)
    process.wait_until(lambda: locks(root))
    time.sleep(0.3)
    process.send(signal.SIGTERM)
    code, said = process.wait()
    assert code == -signal.SIGTERM and "saved" not in said
    assert not states(root)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(root: Path, number: signal.Signals):
    process = Forked(root / "errors", work_slowly, root)
    process.wait_until((root / "begun").exists)
    start = time.monotonic()
    process.send(number)
    time.sleep(0.3)
    assert process.running, "the first one waits for the end of the step"
    process.send(number)
    assert process.wait()[0] == -number
    assert time.monotonic() - start < 8, "before the step of ten seconds was over"


def test_a_signal_while_the_outs_are_written_costs_no_step(root: Path):
    process = Forked(root / "errors", work_and_write_slowly, root)
    process.wait_until((root / "begun").exists)
    process.send(signal.SIGTERM)
    code, said = process.wait()
    assert code == 143 and "saved at step 2; run again" in said
    shutil.rmtree(root / "models")  # as DVC does when the stage starts again
    code, said = Forked(root / "errors", work, root, 2, 1).wait()
    assert code == 0 and "step 2/2" not in said, "no step was left to do"
    assert not states(root) and outs(root)


def test_outside_the_main_thread_nothing_breaks(root: Path):
    code, said = Forked(root / "errors", work_in_a_thread, root).wait()
    assert code == 0, said
    assert outs(root)


def test_handlers_come_back_and_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and a script's background jobs have it
    usual = signal.getsignal(signal.SIGTERM)
    try:
        with stop_signals() as received:
            assert signal.getsignal(signal.SIGTERM) != usual
            signal.raise_signal(signal.SIGINT)
            assert received() == 0
            signal.raise_signal(signal.SIGTERM)
            assert received() == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == usual
    finally:
        signal.signal(signal.SIGINT, before)
