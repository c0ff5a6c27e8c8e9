"""Two processes on one cell: the second is told so, and nothing that the first wrote is touched."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.training.cell_processes import work, work_without_lock
from tests.training.forked import Forked
from tests.training.small_cell import make_root, states

from resnetbk.errors import UserError
from resnetbk.training.cell_lock import cell_lock

LONG = 100_000  # steps


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path / "root")


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (root / ".resume").rglob("*") if path.is_file()}


def test_the_second_is_refused_and_a_kill_lets_the_lock_go(root: Path):
    first = Forked(root / "first", work, root, LONG, 20)
    first.wait_until(lambda: states(root))
    first.send(signal.SIGSTOP)
    try:
        before = contents(root)
        for learning_rate in (1e-2, 2e-2):  # the same state, or another state and the same outs
            code, said = Forked(root / "second", work, root, LONG, 20, learning_rate).wait()
            assert code == 1
            assert f"transformer-0 is being trained by process {first.pid} already" in said
            assert "run again" in said and "Traceback" not in said
            assert contents(root) == before
            assert not (root / "models").exists()
    finally:
        first.send(signal.SIGKILL)
        first.wait()
    code, said = Forked(root / "third", work, root, 40, 20).wait()
    assert code == 0, said


def test_the_control_without_the_lock_both_train(root: Path):
    first = Forked(root / "first", work, root, LONG, 20)
    first.wait_until(lambda: states(root))
    first.send(signal.SIGSTOP)
    try:
        assert Forked(root / "second", work_without_lock, root, 2, 1).wait()[0] == 0
    finally:
        first.send(signal.SIGKILL)
        first.wait()


def test_other_cells_and_other_trees_do_not_wait(tmp_path: Path):
    with cell_lock("mamba-0", tmp_path / "a.lock", tmp_path / "b.lock"):
        with cell_lock("mamba-1", tmp_path / "c.lock"):
            pass
        with pytest.raises(UserError, match=r"mamba-0 is being trained by another process already.*b\.lock"):
            with cell_lock("mamba-0", tmp_path / "d.lock", tmp_path / "b.lock"):
                pass
        assert not (tmp_path / "d.lock").exists(), "the first of two locks is let go when the second is refused"
    assert not list(tmp_path.iterdir())


def test_where_no_lock_can_be_made(tmp_path: Path):
    (tmp_path / ".resume").write_text("a file")
    with pytest.raises(UserError, match=r"\.resume/a\.lock: cannot be written"):
        with cell_lock("mamba-0", tmp_path / ".resume/a.lock"):
            pass
