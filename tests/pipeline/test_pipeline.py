"""The pipeline as a user meets it: run, run again, change something, break something."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.pipeline.project import Project, copy_repository

pytestmark = pytest.mark.xdist_group("pipeline")

CELLS = ["resnet_bk-0", "resnet_bk-1", "mamba-0", "mamba-1"]


@pytest.fixture(scope="module")
def done(project: Project) -> Project:
    """The small project after its first `dvc repro`, committed."""
    output = project.run("dvc repro").stdout
    assert project.ran(output)[0] == "prepare"
    project.run("git add -A && git commit -qm 'Run'")
    return project


def restore(project: Project) -> None:
    """Undo what a test changed: files from git, outs from DVC's cache."""
    project.run("git checkout -q . && git clean -qfd && dvc checkout -q")


def test_it_makes_what_it_promises(done: Project):
    for cell in CELLS:
        manifest = json.loads(done.read(f"models/{cell}/manifest.json"))
        assert manifest["initial_weights"] != manifest["final_weights"]
        assert json.loads(done.read(f"metrics/evaluate/{cell}.json"))["tokens"] > 0
    comparison = json.loads(done.read("metrics/comparison.json"))
    assert comparison["summary"] in done.read("report/index.html")
    assert "up to date" in done.run("dvc status").stdout
    assert done.run("git status --porcelain").stdout == ""


def test_nothing_to_do_does_nothing(done: Project):
    before = done.read("dvc.lock")
    assert done.ran(done.run("dvc repro").stdout) == []
    assert "up to date" in done.run("resnetbk reproduce --jobs 2").stdout
    assert done.read("dvc.lock") == before


def test_the_manifest_names_only_code_that_the_stage_declares(done: Project):
    declared = re.search(r"^  train:.*?\n    deps:\n(.*?)\n    params:", done.read("dvc.yaml"), re.S | re.M)[1]
    declared = [line.strip("- ") for line in declared.splitlines()]
    for cell in CELLS:
        audited = json.loads(done.read(f"metrics/audit/{cell[:-2]}.json"))["code"]
        for file in json.loads(done.read(f"models/{cell}/manifest.json"))["code"]:
            assert file in audited or any(file == d or file.startswith(d + "/") for d in declared), file


def test_from_nothing_side_by_side_gives_the_same_lock(done: Project, tmp_path: Path):
    again = copy_repository(tmp_path)
    again.run("resnetbk reproduce --jobs 2")
    assert again.read("dvc.lock") == done.read("dvc.lock")
    assert again.read("report/index.html") == done.read("report/index.html")


def test_a_change_of_one_models_parameters_runs_that_model_alone(done: Project):
    done.run("sed -i 's/    state_size: 16/    state_size: 8/' params.yaml")
    ran = done.ran(done.run("dvc repro").stdout)
    assert ran == [
        "audit@mamba",
        *("train@mamba-0", "train@mamba-1", "evaluate@mamba-0", "evaluate@mamba-1"),
        *("compare", "plot", "track"),
    ]
    restore(done)


def test_a_change_of_one_models_code_trains_that_model_alone(done: Project):
    done.run("echo '# changed' >> src/resnetbk/models/mamba.py")
    ran = done.ran(done.run("dvc repro").stdout)
    assert {"train@mamba-0", "train@mamba-1"} < set(ran)
    assert not {"train@resnet_bk-0", "train@resnet_bk-1", "evaluate@resnet_bk-0"} & set(ran)
    restore(done)


def test_a_model_that_leaks_is_named_and_nothing_of_it_runs(done: Project):
    done.run("cp src/resnetbk/models/mixers/exponential.py src/resnetbk/models/mixers/leaking.py")
    mixer = done.path / "src/resnetbk/models/mixers/leaking.py"
    text = mixer.read_text(encoding="utf-8")
    mixer.write_text(re.sub(r"(?m)^(        return .*)$", r"\1 + u_BNE.mean(1, keepdim=True)", text, count=1))
    done.run("sed -i 's/    mixer: propagator /    mixer: leaking /' params.yaml")
    result = done.run("dvc repro", check=False)
    assert result.returncode
    assert "train@resnet_bk" not in " ".join(done.ran(result.stdout))
    assert re.search(r"ERROR in audit@resnet_bk: .*resnet_bk.*causality.*position", result.stdout), result.stdout
    assert not (done.path / "metrics/audit/resnet_bk.json").exists()
    restore(done)


def test_a_wrong_parameter_stops_before_anything_is_lost(done: Project):
    done.run("sed -i 's/^  steps: 8/  steps: -8/' params.yaml")
    result = done.run("dvc repro", check=False)
    assert result.returncode
    assert re.search(r"params.yaml, line \d+: train.steps: .*greater than 0; found -8", result.stdout)
    restore(done)
    assert "up to date" in done.run("dvc status").stdout


def test_an_orphaned_cell_and_a_missing_one_are_named(done: Project):
    done.run("cp metrics/evaluate/mamba-0.json metrics/evaluate/old-0.json")
    result = done.run("dvc repro -s compare", check=False)
    assert result.returncode
    assert "old-0" in result.stdout
    done.run("rm metrics/evaluate/old-0.json metrics/evaluate/mamba-0.json")
    result = done.run("dvc repro -s compare", check=False)
    assert result.returncode
    assert "mamba-0" in result.stdout
    restore(done)


def test_a_smaller_matrix_leaves_no_orphan_in_the_lock(done: Project):
    done.run("sed -i 's/^  seeds: .*/  seeds: [0]/' params.yaml")
    done.run("rm -r metrics/*/*-1.json* models/*-1")
    output = done.run("resnetbk reproduce --jobs 2").stdout
    assert "dropped train@mamba-1" in output
    assert "mamba-1" not in done.read("dvc.lock")
    restore(done)


def test_a_lock_that_differs_from_the_commit_is_not_verified(done: Project):
    done.run("echo '# edited' >> dvc.lock")
    result = done.run("resnetbk verify", check=False)
    assert result.returncode == 1
    assert "dvc.lock" in result.stdout
    assert "Commit them" in result.stdout
    restore(done)


def test_verify_notices_a_lock_that_the_pipeline_does_not_make(done: Project):
    done.run("sed -i '0,/md5: ..../s//md5: dead/' dvc.lock && git commit -qam 'A false hash'")
    result = done.run("resnetbk verify --jobs 2", check=False)
    assert result.returncode == 1
    assert "rebuilding the last commit from nothing changed" in result.stdout
    done.run("git reset -q --hard HEAD~1 && dvc checkout -q")


def test_a_file_edited_in_the_middle_of_a_stage_is_not_recorded(done: Project):
    done.run("sed -i 's/^  steps: 8/  steps: 400/; s/warmup_steps: 2/warmup_steps: 3/' params.yaml")
    code = "src/resnetbk/training/schedule.py"
    wait = "until ls .resume/train-mamba-0-*/state.safetensors >&- 2>&-; do sleep .1; done"
    background = f"(timeout 60 bash -c '{wait}'; echo '#' >> {code}) &"
    result = done.run(f"{background} dvc repro -s audit@mamba train@mamba-0; wait", check=False)
    assert f"{code} changed while the stage ran" in result.stdout, result.stdout
    assert "steps: 400" not in done.read("dvc.lock")
    done.run("rm -r .resume")
    restore(done)
