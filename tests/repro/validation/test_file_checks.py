"""What the checks of files accept beyond what the skeleton holds, and this repository as one to be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnetbk.repro.validation import validate_template_structure
from resnetbk.repro.validation.environment import every_package_pinned, image_pinned, python_declared
from resnetbk.repro.validation.project import Project
from resnetbk.repro.validation.stage_scripts import started

ROOT = Path(__file__).parents[3]


def project(root: Path, **files: str) -> Project:
    names = {"docker": "Dockerfile", "lock": "requirements.lock", "pyproject": "pyproject.toml"}
    for name, text in files.items():
        (root / names[name]).write_text(text, encoding="utf-8")
    return Project(root)


@pytest.mark.parametrize(
    "docker",
    [
        "FROM python:3.11-slim\nRUN pip install -r requirements.lock",
        f"FROM python@sha256:{'0' * 64}\nCOPY requirements.lock .",
        "ARG VERSION=3.11\nFROM --platform=linux/amd64 registry:5000/python:${VERSION} AS base\nFROM base\n"
        "COPY requirements.lock .",
    ],
)
def test_an_image_with_a_version_is_pinned(tmp_path: Path, docker: str):
    assert image_pinned(project(tmp_path, docker=docker)) == []


@pytest.mark.parametrize("image", ["python", "python:latest", "registry:5000/python", "python:slim", "$UNKNOWN"])
def test_an_image_without_one_is_not(tmp_path: Path, image: str):
    problems = image_pinned(project(tmp_path, docker=f"FROM {image}\nCOPY requirements.lock ."))
    assert len(problems) == 1
    assert problems[0].startswith("Dockerfile:1: ")


@pytest.mark.parametrize(
    "line",
    [
        "torch==2.13.0",
        "torch == 2.13.0 ; sys_platform == 'linux'  # a comment",
        "torch==2.13.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11",
        f"torch @ git+https://b.org/torch@{'0' * 40}",
        f"torch @ https://b.org/torch.whl#sha256={'0' * 64}",
    ],
)
def test_a_line_of_the_lock_that_leaves_no_choice_is_accepted(tmp_path: Path, line: str):
    pyproject = "[project]\ndependencies = ['Torch>=2']"
    assert every_package_pinned(project(tmp_path, lock=line, pyproject=pyproject)) == []


@pytest.mark.parametrize(
    ("wanted", "found"), [(">=3.11", 0), ("==3.11.*", 0), (">=3.12", 1), ("<3.11", 1), ("old", 1)]
)
def test_the_image_has_a_python_that_is_allowed(tmp_path: Path, wanted: str, found: int):
    pyproject = f"[project]\nrequires-python = '{wanted}'"
    checked = project(tmp_path, docker="FROM python:3.11-slim", pyproject=pyproject)
    assert len(python_declared(checked)) == found


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("python -m stages.train --seed 0", "stages/train.py"),
        ("python3.11 -u stages/train.py", "stages/train.py"),
        ("OMP_NUM_THREADS=1 python -W error -m stages.train", "stages/train.py"),
        ("true && python stages/train.py", "stages/train.py"),
        ("make train", None),
        ("jupyter nbconvert --execute train.ipynb", None),
    ],
)
def test_the_script_that_a_stage_starts(command: str, script: str | None):
    assert started(command) == script


def test_this_repository_passes_but_for_what_make_verify_looks_at():
    """While somebody works on it, dvc.lock may be behind; `make verify` compares that, byte for byte."""
    behind = {"dvc.lock in step", "files as in dvc.lock"}
    outcomes = validate_template_structure(ROOT).checks
    assert {o.name: o.problems for o in outcomes if o.status != "passed" and o.name not in behind} == {}
