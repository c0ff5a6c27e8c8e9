"""The costs of reproducibility: every process really runs, at sizes that take a moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.models.model_configs import transformer

from resnetbk.benchmark.level_process import LevelProcess
from resnetbk.benchmark.record import compare_with_targets
from resnetbk.benchmark.reproducibility import (
    TARGETS,
    ReproducibilitySettings,
    reproducibility_figures,
    run_reproducibility_benchmark,
)

ROOT = Path(__file__).parents[2]
NAME = "transformer"


@pytest.fixture(scope="module")
def details(tmp_path_factory: pytest.TempPathFactory) -> dict:
    settings = ReproducibilitySettings(
        models={NAME: transformer(layers=1)},
        parameter_budget=20_000,
        batch=2,
        length=16,
        checkpoint_interval=100,
        threads=2,
        vocabulary_size=64,
        rounds=3,
        saves=2,
        hashed_bytes=100_000,
        hash_pairs=2,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("benchmark"))
        details = run_reproducibility_benchmark(settings)
        assert list(Path(".resnetbk").iterdir()) == []
    return details


@pytest.mark.nightly
def test_everything_that_has_a_target_is_measured(details: dict):
    figures = reproducibility_figures(details)
    assert figures.keys() == {*TARGETS, "step_fast_all_threads_vs_fast"}
    assert figures["hashing_speed_vs_sha256sum"] > 0
    assert figures["step_portable_vs_fast"].keys() == {NAME}
    assert json.loads(json.dumps(details, allow_nan=False)) == details


@pytest.mark.nightly
def test_ratios_are_those_of_steps_taken_by_turns(details: dict):
    ratio = details["ratios"]["step_machine_vs_fast"][NAME]
    assert ratio["numerator_seconds"]["repeats"] == ratio["denominator_seconds"]["repeats"] == 3
    assert 0 < ratio["numerator_seconds"]["median"] < 1


@pytest.mark.nightly
def test_saving_is_charged_once_in_an_interval(details: dict):
    portable = details["ratios"]["step_portable_vs_fast"][NAME]["numerator_seconds"]["median"]
    resume = details["ratios"]["training_with_resume_vs_without"][NAME]
    assert resume["denominator_seconds"]["median"] == pytest.approx(100 * portable)
    saved = resume["numerator_seconds"]["median"] - resume["denominator_seconds"]["median"]
    assert 0 < saved and resume["ratio"]["median"] == pytest.approx(1 + saved / (100 * portable))


def test_a_missed_target_is_said():
    figures = {name: target.value for name, target in TARGETS.items()}
    assert all(line.startswith("reached: ") for line in compare_with_targets(figures, TARGETS))
    lines = compare_with_targets({**figures, "step_machine_vs_fast": {"mamba": 1.04}}, TARGETS)
    assert lines[0] == "MISSED: step_machine_vs_fast mamba 1.0400, at most 1.03"
    assert sum(line.startswith("MISSED") for line in lines) == 1


def test_a_process_that_fails_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.chdir(tmp_path)
    described = {"models": {NAME: {"family": "none"}}, "vocabulary_size": 64, "parameter_budget": 1, "batch": 1}
    with pytest.raises(RuntimeError, match="the process that times 'machine' failed"):
        LevelProcess("machine", 1, described)
    assert "KeyError: 'length'" in capfd.readouterr().err


def test_nothing_that_is_measured_is_hashed():
    stages = yaml.safe_load((ROOT / "benchmark/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert not {"outs", "metrics", "plots"} & stages["benchmark_reproducibility"].keys()
