"""The stage stands apart: nothing that it measures is hashed, and nothing runs it unasked."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_nothing_that_is_measured_is_hashed():
    stage = yaml.safe_load((ROOT / "benchmark/dvc.yaml").read_text(encoding="utf-8"))["stages"]["benchmark"]
    assert not {"outs", "metrics", "plots"} & stage.keys()


def test_the_experiment_reads_none_of_it_but_the_seconds_of_its_own_steps():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert "benchmark" not in stages
    read = {(name, dep) for name, stage in stages.items() for dep in stage.get("deps", []) if "benchmark" in dep}
    assert read == {("compare", "metrics/benchmark_cells.json")}
    whole = [dep for stage in stages.values() for dep in stage.get("deps", []) if dep.rstrip("/") == "metrics"]
    assert whole == []  # it would take in metrics/benchmark.json
