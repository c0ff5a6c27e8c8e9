"""A stage that opens, imports or lists what dvc.yaml does not declare is refused by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.repro.files import sha256_file, write_bytes, write_json
from resnetbk.repro.opened_files import record_opened_files
from resnetbk.stage.declaration import Declaration
from resnetbk.stage.hermetic import require_declared

GRAPH = """
stages:
  train:
    matrix: {model: [a, b]}
    cmd: train
    deps: [code, "audit/${item.model}.json"]
    params: ["models.${item.model}"]
    outs:
      - "models/${item.model}"
      - metrics/summary.json: {cache: false}
  view:
    cmd: view
    params: [SECTIONS]
    outs: [view.json]
  measure:
    cmd: measure
""".replace("SECTIONS", ", ".join(Params.model_fields))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_bytes("dvc.yaml", GRAPH.encode())
    for name in ("code/loop.py", "other/secret.txt", "data/corpus/text", "audit/b.json", ".cache/download"):
        write_bytes(name, b"{}")
    write_json("audit/a.json", {"code": {}})
    write_bytes("params.yaml", b"models: {a: {layers: 1, sha256: none}, b: {layers: 1}}")
    return tmp_path


def check(work: Callable[[], object], stage: str = "train") -> None:
    with record_opened_files() as opened:
        work()
    require_declared(Declaration.read(stage, {"model": "a"} if stage == "train" else {}), opened)


def test_what_is_declared_may_be_read():
    check(Path("code/loop.py").read_text)
    check(Path("audit/a.json").read_text)
    check(lambda: list(Path("code").iterdir()))


def test_outs_may_be_written_and_read():
    def work() -> None:
        write_bytes("models/a/weights", b"1")
        Path("models/a/weights").read_bytes()
        write_json("metrics/summary.json", {})
        Path("metrics/summary.json").read_bytes()

    check(work)


@pytest.mark.parametrize("name", ["other/secret.txt", "audit/b.json", "dvc.yaml", "params.yaml"])
def test_what_is_not_declared_is_refused_by_name(name: str):
    with pytest.raises(UserError) as error:
        check(Path(name).read_text)
    assert f"it opened {name}, which dvc.yaml does not declare" in str(error.value)
    assert str(error.value).endswith(f"Add under train: deps: in dvc.yaml\n      - {name}")


def test_an_absolute_path_is_no_way_round(project: Path):
    with pytest.raises(UserError, match=r"it opened other/secret\.txt,"):
        check((project / "other/secret.txt").read_text)


def test_a_neighbour_of_a_declared_name_is_not_declared():
    write_bytes("code2/loop.py", b"")
    with pytest.raises(UserError, match=r"it opened code2/loop\.py,"):
        check(Path("code2/loop.py").read_text)


def test_an_import_is_refused_by_name(project: Path, monkeypatch: pytest.MonkeyPatch):
    write_bytes("library/undeclared_module.py", b"")
    monkeypatch.syspath_prepend(project / "library")
    try:
        with pytest.raises(UserError, match=r"it opened library/undeclared_module.py, "):
            check(lambda: importlib.import_module("undeclared_module"))
    finally:
        del sys.modules["undeclared_module"]


def test_listing_an_undeclared_folder_is_refused():
    with pytest.raises(UserError, match="it opened data, which"):
        check(lambda: list(Path("data").iterdir()))


def test_a_file_whose_hash_stands_in_a_declared_file_is_declared():
    write_json("audit/a.json", {"code": {"other/secret.txt": sha256_file("other/secret.txt")}})
    check(Path("other/secret.txt").read_text)
    write_bytes("other/secret.txt", b"changed since")
    with pytest.raises(UserError, match=r"it opened other/secret\.txt,"):
        check(Path("other/secret.txt").read_text)


def test_a_file_whose_hash_stands_in_a_declared_parameter_is_declared():
    digest = sha256_file("other/secret.txt")
    for model, allowed in (("a", True), ("b", False)):
        write_json("params.yaml", {"models": {"a": {}, "b": {}} | {model: {"sha256": digest}}})
        if allowed:
            check(Path("other/secret.txt").read_text)
        else:
            with pytest.raises(UserError, match=r"it opened other/secret\.txt,"):
                check(Path("other/secret.txt").read_text)


def test_params_yaml_counts_as_declared_when_every_section_is():
    write_json("params.yaml", {section: {} for section in Params.model_fields})
    check(Path("params.yaml").read_text, "view")


def test_what_is_no_part_of_the_project_is_free():
    check(Path(".cache/download").read_text)


def test_a_stage_without_outs_promises_nothing():
    check(Path("other/secret.txt").read_text, "measure")


def test_many_files_are_cut_short():
    for number in range(14):
        write_bytes(f"many/{number}", b"")
    with pytest.raises(UserError, match="and 4 more"):
        check(lambda: [Path(f"many/{number}").read_bytes() for number in range(14)])
