from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the repository's params.yaml, presets and timings."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    (tmp_path / "metrics").mkdir()
    shutil.copy(ROOT / "metrics/benchmark_cells.json", tmp_path / "metrics")
    return tmp_path


@pytest.fixture
def write(root: Path) -> Callable[..., None]:
    """Return what writes a preset whose `params` begin on line 4."""

    def write(name: str, params: str, *, extends: str = "null", more: str = "") -> None:
        about = "{question: Why?, core_hours: 1.0, memory_gib: 1.0, hardware: any}"
        text = f"about: {about}\nextends: {extends}\nparams:\n{params}\n{more}"
        (root / "presets" / f"{name}.yaml").write_text(text, encoding="utf-8")

    return write
