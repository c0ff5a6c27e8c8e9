"""A project's YAML is read as DVC reads it."""

from pathlib import Path

import pytest

from resnetbk.repro.validation.project import Project


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-06", 1e-6), ("1.0e-6", 1e-6), ("-2E+3", -2000.0), ("12", 12), ("1e", "1e"), ("'1e-06'", "1e-06")],
)
def test_numbers_are_those_of_yaml_1_2(text: str, value: object, tmp_path: Path):
    (tmp_path / "params.yaml").write_text(f"eta: {text}\n")
    found = Project(tmp_path).params["eta"]
    assert (found, type(found)) == (value, type(value))
