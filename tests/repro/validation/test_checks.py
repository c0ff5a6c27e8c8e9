"""Each check of a project has its negative control: break that one thing, and that one check fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.repro.validation.controls import CONTROLS

from resnetbk.repro.validation import CHECKS, Validation, validate_template_structure


def failed(validation: Validation) -> dict[str, tuple[str, ...]]:
    return {check.name: check.problems for check in validation.checks if check.status == "failed"}


def test_a_new_project_has_full_marks(made: Path):
    validation = validate_template_structure(made)
    assert (validation.score, validation.errors, validation.warnings) == (100, (), ())


def test_the_points_make_a_hundred_and_each_check_has_a_control():
    assert sum(check.points for check in CHECKS) == 100
    assert {check.name for check in CHECKS} == {name for name, *_ in CONTROLS}


@pytest.mark.parametrize(
    ("name", "breakage", "told"),
    [pytest.param(name, breakage, told, id=f"{name}: {what}") for name, what, breakage, told in CONTROLS],
)
def test_what_is_broken_fails_its_check_and_no_other(project: Path, name: str, breakage: Callable, told: str):
    breakage(project)
    validation = validate_template_structure(project)
    assert failed(validation).keys() == {name}
    assert any(told in problem for problem in failed(validation)[name]), failed(validation)
    assert validation.score < 100


def test_without_git_the_check_says_that_it_could_not_look(project: Path):
    shutil.rmtree(project / ".git")
    outcomes = {check.name: check for check in validate_template_structure(project).checks}
    assert outcomes["data and weights outside git"].status == "not checked"
    assert "not a git repository" in outcomes["data and weights outside git"].problems[0]


def test_nothing_is_written(project: Path):
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}
    validate_template_structure(project)
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before


def test_an_empty_folder_scores_nothing_and_a_missing_one_is_refused(tmp_path: Path):
    validation = validate_template_structure(tmp_path)
    assert (validation.score, len(validation.errors) > 10) == (0, True)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        validate_template_structure(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="root folder of a project"):
        validate_template_structure(tmp_path / "file")


def test_the_result_as_json_says_what_the_result_says(made: Path):
    validation = validate_template_structure(made)
    as_json = json.loads(json.dumps(validation.to_dict()))
    assert (as_json["score"], as_json["errors"]) == (100, [])
    assert [check["name"] for check in as_json["checks"]] == [check.name for check in CHECKS]


def test_the_command_passes_a_good_project_and_fails_one_below_the_minimum(project: Path):
    command = [sys.executable, "-m", "resnetbk.cli", "validate", str(project)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "100/100")
    shutil.rmtree(project / ".github")  # a warning, which costs points
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert subprocess.run([*command, "--minimum", "100"], capture_output=True).returncode == 1
