"""The stages of the real pipeline open what dvc.yaml declares and nothing else: otherwise they fail, by name.

That all of them pass is what the shared project shows: it has run them all. Here they are broken on purpose.
"""

from __future__ import annotations

import re

import pytest
from tests.pipeline.project import Project

STAGES = {
    "prepare": "",
    "audit": " --model mamba",
    "train": " --model mamba --seed 0",
    "evaluate": " --model mamba --seed 0",
    "baselines": "",
    "compare": "",
    "plot": "",
    "track": "",
}


def restore(project: Project) -> None:
    project.run("git checkout -q . && git clean -qfd && dvc checkout -q -f")


def break_stage(project: Project, line: str) -> None:
    """Put a line at the start of what the stage `baselines` does."""
    path, head = project.path / "stages/baselines.py", "def main(params) -> None:\n"
    path.write_text(path.read_text().replace(head, f"{head}    {line}\n"))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("Path('README.md').read_bytes()", "it opened README.md, which dvc.yaml does not declare"),
        ("import resnetbk.presets", "it opened src/resnetbk/presets/__init__.py, "),
        ("list(Path('presets').iterdir())", "it opened presets, which dvc.yaml does not declare"),
        ("params.train", "it reads train of params.yaml, which dvc.yaml does not declare"),
    ],
)
def test_what_a_stage_opens_and_does_not_declare_is_named(done: Project, line: str, named: str):
    break_stage(done, line)
    result = done.run("python -m stages.baselines", check=False)
    assert result.returncode
    assert f"ERROR in baselines: {named}" in result.stdout, result.stdout
    restore(done)


def test_nothing_of_it_is_recorded(done: Project):
    before = done.read("dvc.lock")
    break_stage(done, "Path('README.md').read_bytes()")
    result = done.run("dvc repro -s baselines", check=False)
    assert result.returncode
    assert "it opened README.md" in result.stdout, result.stdout
    assert done.read("dvc.lock") == before
    restore(done)


def test_a_dependency_removed_from_dvc_yaml_is_named(done: Project):
    head, stage = done.read("dvc.yaml").split("  baselines:\n")
    stage = stage.replace("      - src/resnetbk/evaluation\n", "", 1)
    (done.path / "dvc.yaml").write_text(f"{head}  baselines:\n{stage}")
    # By itself DVC would call the stage unchanged: it looks at what dvc.yaml still names.
    result = done.run("dvc repro -f -s baselines", check=False)
    assert result.returncode
    assert "it opened src/resnetbk/evaluation/__init__.py, src/resnetbk/evaluation/ngrams.py" in result.stdout
    restore(done)


@pytest.mark.nightly
@pytest.mark.parametrize("stage", STAGES)
def test_each_dependency_of_each_stage_is_missed_when_it_is_removed(done: Project, stage: str):
    """All code that a stage declares is taken away at once; what it then names is what it really needs."""
    text = done.read("dvc.yaml")
    before, block, after = re.split(rf"(^  {stage}:\n.*?(?=^  \w+:$|^\w+:))", text, flags=re.S | re.M)
    kept = re.sub(r"^      - (src|stages)/\S+\n", "", block, flags=re.M)
    (done.path / "dvc.yaml").write_text(before + kept + after)
    result = done.run(f"python -m stages.{stage}{STAGES[stage]}", check=False)
    assert result.returncode
    named = re.search(r"it opened (.*?), which dvc.yaml", result.stdout)[1]
    assert "src/resnetbk/__init__.py" in named and "more" in named, result.stdout
    restore(done)
