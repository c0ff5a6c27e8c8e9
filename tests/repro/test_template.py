"""A new project runs, passes its own tests, and takes nobody's place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from resnetbk.repro.template import SKELETON, create_reproducible_template
from resnetbk.repro.template_config import TemplateConfig
from resnetbk.repro.validation import validate_template_structure

ROOT = Path(__file__).parents[2]


def make(project: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Run a target of the project's Makefile in this environment."""
    outer = ("DVC_", "GIT_", "PYTEST_", "RESNETBK_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    command = ["make", target, f"VENV={sys.prefix}"]
    return subprocess.run(
        command, cwd=project, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def commit(project: Path) -> None:
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    subprocess.run(["git", *author, "commit", "--quiet", "-m", "Start"], cwd=project, check=True)


@pytest.mark.nightly
def test_its_own_tests_pass(project: Path):
    run = make(project, "test")
    assert run.returncode == 0, run.stdout
    assert "6 passed" in run.stdout


@pytest.mark.nightly
def test_its_pipeline_makes_the_committed_hashes_again_and_with_another_seed_others(project: Path):
    lock = (project / "dvc.lock").read_bytes()
    (project / "metrics/test.json").unlink()
    run = make(project, "reproduce")
    assert run.returncode == 0, run.stdout
    assert "Stage 'train' didn't change" in run.stdout
    assert (project / "dvc.lock").read_bytes() == lock

    assert "Commit dvc.lock" in make(project, "verify").stdout
    commit(project)
    run = make(project, "verify")
    assert run.returncode == 0, run.stdout
    params = project / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("seed: 0", "seed: 1"), encoding="utf-8")
    assert make(project, "verify").returncode != 0


def test_what_git_would_take_is_small_and_names_no_place(made: Path):
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=made, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert {"dvc.lock", "metrics/test.json", "requirements.lock", ".dvc/config"} <= set(listed)
    assert not [name for name in listed if name.endswith(".safetensors") or ".dvc/cache" in name]
    for name in listed:
        text = (made / name).read_text(encoding="utf-8")
        assert str(made.parent) not in text
        assert str(ROOT) not in text
        assert "{{" not in text and "{%" not in text
    assert not list(made.parent.glob(".new-*"))


def test_it_keeps_the_style_of_this_repository(made: Path):
    rules = ["--select", "E,F,W,I,UP,B,RUF"]
    for command in (["check", *rules], ["format", "--check"]):
        run = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "--line-length", "115", "."]
        done = subprocess.run(run, cwd=made, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_setuptools_build_takes_every_file_of_the_skeleton():
    from setuptools.glob import glob

    found = {Path(name) for name in glob(f"{SKELETON}/**/*.jinja", recursive=True)}
    assert found == {path for path in SKELETON.rglob("*") if path.is_file()}


@pytest.mark.nightly
def test_the_configuration_arrives_and_still_scores_full_marks(tmp_path: Path):
    toolkit = f"resnetbk @ git+https://example.com/resnetbk.git@{'0' * 40}"
    description = "Does it's width <help>?"
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    options = f"--determinism machine --seed {2**32 - 1} --package pandas>=2 --directory {tmp_path}".split()
    command = [sys.executable, "-m", "resnetbk.cli", "new", "Wide_Nets-2", *options]
    subprocess.run([*command, "--description", description, "--toolkit", toolkit], check=True)
    project = tmp_path / "Wide_Nets-2"
    assert (project / "src/wide_nets_2/__init__.py").is_file()
    assert not (project / ".git").exists(), "it lies in a repository already"
    assert description in (project / "README.md").read_text(encoding="utf-8")
    lock = (project / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert toolkit in lock
    assert any(line.startswith("pandas==") for line in lock)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    assert params["run"] == {"determinism": "machine", "seed": 2**32 - 1}
    validation = validate_template_structure(project)
    assert (validation.score, validation.errors, validation.warnings) == (100, (), ())


@pytest.mark.parametrize("name", ["", "2fast", "a b", "../a", "a/b", "a--b", "a-", "class", "é", "tests", ".a"])
def test_a_name_that_is_no_package_s_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match=r"^name: "):
        create_reproducible_template(name, directory=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["torch", "json", "resnetbk"])
def test_a_name_that_would_hide_a_package_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="there is a package"):
        create_reproducible_template(name, directory=tmp_path)


def test_nothing_is_overwritten(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep", encoding="utf-8")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("mine", "file", "link"):
        with pytest.raises(FileExistsError, match="Nothing was overwritten"):
            create_reproducible_template(name, directory=tmp_path)
    assert (tmp_path / "mine/notes.txt").read_text(encoding="utf-8") == "keep"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "mine"]


def test_a_place_where_it_cannot_be_made_is_refused(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such folder; make it first"):
        create_reproducible_template("study", directory=tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="a file; expected a folder"):
        create_reproducible_template("study", directory=tmp_path / "file")


def test_a_read_only_folder_is_refused(tmp_path: Path):
    if os.geteuid() == 0:
        place = Path("/proc")  # where not even root can make a folder
    else:
        place = tmp_path / "fixed"
        place.mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="no new folder can be made there"):
        create_reproducible_template("study", directory=place)


def test_a_project_that_does_not_run_here_is_not_left_behind(tmp_path: Path, monkeypatch):
    broken = tmp_path / "skeleton"
    shutil.copytree(SKELETON, broken)
    with (broken / "stages/prepare.py.jinja").open("a", encoding="utf-8") as file:
        file.write("\nraise SystemExit('no rows today')\n")
    monkeypatch.setattr("resnetbk.repro.template.SKELETON", broken)
    (tmp_path / "place").mkdir()
    with pytest.raises(RuntimeError, match="does not run here"):
        create_reproducible_template("study", directory=tmp_path / "place")
    assert not list((tmp_path / "place").iterdir())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", "two\nlines"),
        ("description", 'a "quote"'),
        ("description", " "),
        ("python", "3.9"),
        ("python", "4"),
        ("determinism", "fast"),
        ("seed", -1),
        ("seed", 2**64),
        ("seed", 0.5),
        ("packages", ("pandas >",)),
        ("toolkit", "pandas==2"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_by_its_field(field: str, value: object):
    with pytest.raises(ValueError, match=f"^{field}: "):
        TemplateConfig(**{field: value})


def test_a_package_that_is_not_installed_cannot_be_pinned(tmp_path: Path):
    with pytest.raises(ValueError, match="left-pad, which the project needs, is not installed"):
        create_reproducible_template("study", TemplateConfig(packages=("left-pad",)), directory=tmp_path)
    assert not list(tmp_path.iterdir())
