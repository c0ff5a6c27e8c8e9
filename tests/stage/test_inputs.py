"""A stage notices when what it declared to read changes while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.stage.declaration import Declaration
from resnetbk.stage.inputs import hash_inputs, require_unchanged

GRAPH = """
stages:
  train:
    matrix: {model: [a, b]}
    cmd: train
    deps: [code, "audit/${item.model}.json"]
    params: ["models.${item.model}"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    (tmp_path / "params.yaml").write_text("models: {a: {layers: 1}, b: {layers: 1}}")
    (tmp_path / "code/__pycache__").mkdir(parents=True)
    (tmp_path / "code/loop.py").write_text("pass")
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/a.json").write_text("{}")
    return tmp_path


def hashes() -> dict[str, str]:
    return hash_inputs(Declaration.read("train", {"model": "a"}))


def test_inputs_of_a_cell_are_its_own(project: Path):
    assert set(hashes()) == {
        "code/loop.py",
        "audit/a.json",
        "params.yaml:models.a",
    }


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("code/loop.py", "fail", "code/loop.py"),
        ("code/new.py", "", "code/new.py"),
        ("params.yaml", "models: {a: {layers: 2}, b: {layers: 1}}", "params.yaml:models.a"),
    ],
)
def test_a_change_in_the_middle_of_a_run_is_refused_by_name(project: Path, file: str, content: str, named: str):
    before = hashes()
    (project / file).write_text(content)
    with pytest.raises(UserError, match=f"^{named} changed while the stage ran"):
        require_unchanged(before, hashes())


def test_a_change_that_concerns_another_cell_is_none(project: Path):
    before = hashes()
    (project / "params.yaml").write_text("models: {a: {layers: 1}, b: {layers: 7}}")
    (project / "code/__pycache__/loop.pyc").write_text("")
    require_unchanged(before, hashes())
