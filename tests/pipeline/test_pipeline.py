"""The pipeline as a user meets it: run, run again, change something, break something."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

from tests.pipeline.project import Project

LEAKING = '''"""The mean of all tokens, those to come as well."""

import torch


class Mixer(torch.nn.Module):
    causal = True

    def __init__(self, width, config):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(width))

    def forward(self, u_BNE):
        return self.gain * u_BNE.mean(1, keepdim=True).expand_as(u_BNE)

    def state_size(self):
        return 0
'''
CELLS = ["resnet_bk-0", "mamba-0"]


def restore(project: Project) -> None:
    """Undo what a test changed: files from git, outs from DVC's cache."""
    project.run("git checkout -q . && git clean -qfd && dvc checkout -q -f")


def test_it_makes_what_it_promises(done: Project):
    for cell in CELLS:
        manifest = json.loads(done.read(f"models/{cell}/manifest.json"))
        assert manifest["initial_weights"] != manifest["final_weights"]
        assert json.loads(done.read(f"metrics/evaluate/{cell}.json"))["tokens"] > 0
    comparison = json.loads(done.read("metrics/comparison.json"))
    shown = html.unescape(re.sub("<[^>]+>", "", done.read("report/index.html")))
    assert comparison["claims"] and all(claim["words"] in shown for claim in comparison["claims"])
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


def test_a_new_clone_with_every_out_still_fills_its_own_mlflow(done: Project, tmp_path: Path):
    clone = Project(tmp_path / "clone")
    done.run(f"git clone -q . {clone.path} && cp -r .dvc/cache {clone.path}/.dvc && cp -P .venv {clone.path}")
    clone.run("dvc checkout -q")
    assert clone.ran(clone.run("dvc repro").stdout) == ["track"]
    assert (clone.path / "mlflow.db").exists()


def test_a_change_of_one_models_code_trains_that_model_alone(done: Project):
    done.run("echo '# changed' >> src/resnetbk/models/mamba.py")
    assert set(done.ran(done.run("dvc repro audit@mamba audit@resnet_bk").stdout)) == {
        "audit@mamba",
        "audit@resnet_bk",
    }
    changed = json.loads(done.run("dvc status --json").stdout)
    assert {"tune@mamba-0.006", "train@mamba-0", "evaluate@mamba-0"} <= set(changed)
    assert not [stage for stage in changed if "resnet_bk" in stage]
    restore(done)


def test_a_model_that_leaks_is_named_and_nothing_of_it_runs(done: Project):
    (done.path / "src/resnetbk/models/mixers/leaking.py").write_text(LEAKING)
    done.set("models.resnet_bk.mixer", "leaking")
    result = done.run("dvc repro", check=False)
    assert result.returncode
    assert "train@resnet_bk" not in " ".join(done.ran(result.stdout))
    assert "ERROR in audit@resnet_bk: model 'resnet_bk' fails" in result.stdout, result.stdout
    assert re.search(r"causality: logits at position \d+ see at least \d+ token", result.stdout), result.stdout
    assert not (done.path / "metrics/audit/resnet_bk.json").exists()
    restore(done)


def test_a_wrong_parameter_stops_before_anything_is_lost(done: Project):
    done.set("train.steps", -8)
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
    done.set("run.models", ["mamba"])
    done.run("rm -r metrics/*/resnet_bk* models/resnet_bk-0")
    output = done.run("resnetbk reproduce --jobs 2").stdout
    assert "dropped train@resnet_bk-0" in output
    assert "resnet_bk-0" not in done.read("dvc.lock")
    restore(done)


def test_a_lock_that_differs_from_the_commit_is_not_verified(done: Project):
    done.run("echo '# edited' >> dvc.lock")
    result = done.run("resnetbk verify", check=False)
    assert result.returncode == 1
    assert "dvc.lock" in result.stdout
    assert "Commit them" in result.stdout
    restore(done)


def test_a_file_edited_in_the_middle_of_a_stage_is_not_recorded(done: Project):
    done.set("train.steps", 400)
    code = "src/resnetbk/training/schedule.py"
    wait = "until compgen -G '.resume/train-mamba-0-*/state.safetensors' > found; do sleep .1; done"
    background = f"({wait}; rm found; echo '#' >> {code}) &"
    result = done.run(f"{background} dvc repro -s audit@mamba train@mamba-0; wait", check=False)
    assert f"{code} changed while the stage ran" in result.stdout, result.stdout
    assert "steps: 400" not in done.read("dvc.lock")
    done.run("rm -r .resume")
    restore(done)
