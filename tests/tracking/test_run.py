"""Nested values as names and texts that MLflow takes."""

import pytest

from resnetbk.errors import UserError
from resnetbk.tracking.run import as_name, as_text, flatten, read_json, read_json_lines


def test_flatten():
    nested = {"a": {"b": 1, "c": [2, {"d": 3}]}, "e": {}, "f": None}
    assert flatten(nested) == {"a.b": 1, "a.c": [2, {"d": 3}], "e": {}, "f": None}
    assert flatten(nested, lists=True) == {"a.b": 1, "a.c.0": 2, "a.c.1.d": 3, "e": {}, "f": None}


@pytest.mark.parametrize(
    ("leaf", "text"), [("a b", "a b"), (1e-3, "0.001"), (True, "true"), (None, "null"), ([0, 1], "[0, 1]")]
)
def test_as_text(leaf, text):
    assert as_text(leaf) == text


def test_as_name():
    assert as_name("95 % (of a-b)/c.d:e_f") == "95 _ _of a-b_/c.d:e_f"


@pytest.mark.parametrize("read", [read_json, read_json_lines])
def test_a_missing_or_broken_file_is_named(tmp_path, read):
    path = tmp_path / "x.json"
    with pytest.raises(UserError, match=r"x\.json: not found; `dvc repro`"):
        read(path)
    path.write_text('{"loss": ')
    with pytest.raises(UserError, match=r"x\.json: not .*dvc checkout"):
        read(path)
