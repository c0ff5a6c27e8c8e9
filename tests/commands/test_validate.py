"""`resnetbk validate` and `resnetbk new` as a user calls them: exit codes, messages, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnetbk.cli import main

ROOT = Path(__file__).parents[2]


def call(*arguments: str) -> int | str | None:
    """Return what the command exits with: a code, or the message of an error."""
    with pytest.raises(SystemExit) as exit:
        main(list(arguments))
    return exit.value.code


def test_an_empty_folder_fails_and_says_what_is_missing(tmp_path: Path, capsys):
    assert call("validate", str(tmp_path)) == 1
    printed = capsys.readouterr().out
    assert "  0/8 required files (error)" in printed
    assert "       Dockerfile is missing" in printed
    assert printed.splitlines()[-1] == "  0/100"


def test_json_is_the_whole_result(tmp_path: Path, capsys):
    assert call("validate", str(tmp_path), "--json", "--minimum", "0") == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["score"], result["checks"][0]["status"]) == (0, "failed")


def test_a_missing_folder_is_one_clear_error(tmp_path: Path):
    assert "no such folder" in call("validate", str(tmp_path / "absent"))


@pytest.mark.parametrize("score", ["-1", "101", "many"])
def test_a_minimum_that_is_no_score_is_refused(score: str, capsys):
    assert call("validate", "--minimum", score) == 2


def test_new_refuses_what_it_cannot_make(tmp_path: Path, capsys):
    assert "cannot name a project" in call("new", "a b", "--directory", str(tmp_path))
    assert "is not installed" in call("new", "study", "--package", "left-pad", "--directory", str(tmp_path))
    assert "seed: " in call("new", "study", "--seed", "-1", "--directory", str(tmp_path))
    assert not list(tmp_path.iterdir())
