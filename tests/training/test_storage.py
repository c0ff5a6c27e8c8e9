"""A full disk and a read-only folder, mounted for real: one clear error, and what was saved before stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.training.cell_processes import (
    NOT_ALLOWED,
    limit_files,
    mount,
    save_small_then_large,
    work,
    work_in_a_read_only_folder,
    work_on_a_full_disk,
    work_where_outs_do_not_fit,
)
from tests.training.forked import Forked
from tests.training.small_cell import make_root, states
from torch import nn

from resnetbk.errors import UserError
from resnetbk.training.checkpoint import save_weights


def run(errors: Path, function: Callable[..., None], *arguments: object) -> tuple[int, str]:
    code, said = Forked(errors, function, *arguments).wait()
    if code == NOT_ALLOWED:
        pytest.skip("this machine lets nobody but root mount a file system")
    return code, said


@pytest.mark.parametrize("limit", [mount, limit_files])
def test_a_state_that_does_not_fit_leaves_the_one_before(tmp_path: Path, limit: Callable[[Path], None]):
    code, said = run(tmp_path / "errors", save_small_then_large, tmp_path / "small", limit)
    assert code == 1
    assert "state.safetensors: the resume state of step 800 cannot be written" in said
    assert "No space left" in said or "File too large" in said
    assert "the one saved before is whole" in said and "(['state.safetensors'], {'step': 8})" in said


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (work_on_a_full_disk, "resume state of step 1 cannot be written"),
        (work_in_a_read_only_folder, ".lock: cannot be written (Read-only file system)"),
    ],
)
def test_a_training_that_cannot_save_its_state_says_so(tmp_path: Path, function: Callable, expected: str):
    root = make_root(tmp_path / "root")
    code, said = run(tmp_path / "errors", function, root)
    assert code == 1
    assert expected in said and "run again" in said and "Traceback" not in said
    assert not (root / "models").exists() and not (root / "metrics/train").exists()


def test_outs_that_do_not_fit_cost_no_step(tmp_path: Path):
    root = make_root(tmp_path / "root")
    code, said = run(tmp_path / "errors", work_where_outs_do_not_fit, root)
    assert code == 1 and "weights.safetensors: cannot be written" in said and "Traceback" not in said
    assert states(root), "the state of the last step is kept"
    code, said = run(tmp_path / "errors", work, root, 3, 1)
    assert code == 0 and "step 3/3" not in said, "no step was left to do"


def test_a_folder_that_is_a_file(tmp_path: Path):
    (tmp_path / "models").write_text("")
    with pytest.raises(UserError, match=r"weights\.safetensors: cannot be written"):
        save_weights(nn.Linear(2, 2), tmp_path / "models/weights.safetensors")
