"""From files to verdict and words: what was planted is what is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from resnetbk.comparison.outcome import compare, flat_metrics
from resnetbk.errors import UserError
from resnetbk.repro.files import write_json

ROOT = Path(__file__).parents[2]


def outcome(experiment):
    return compare(experiment.params, experiment.root)


def verdicts(comparison) -> dict[tuple[str, str], str]:
    return {(row["model"], row["against"]): row["verdict"] for row in comparison["comparisons"]}


def test_a_loss_to_mamba_is_said_first(experiment):
    comparison = outcome(experiment)
    assert verdicts(comparison)["resnet_bk", "mamba"] == "higher loss"
    assert comparison["summary"].startswith("resnet_bk loses to mamba (higher loss): ")


def test_a_win_over_mamba_is_said_first(make_experiment):
    comparison = outcome(make_experiment(effects={"resnet_bk": -0.2, "exponential_gate": 0.0, "mamba": 0.0}))
    assert verdicts(comparison)["resnet_bk", "mamba"] == "lower loss"
    assert comparison["summary"].startswith("resnet_bk wins against mamba (lower loss): ")
    assert "resnet_bk wins against exponential_gate (its control with a plain mixer)" in comparison["summary"]


def test_a_tie_is_equivalent_when_the_margin_allows_it(experiment):
    experiment.content["compare"]["equivalence_margin"] = 0.05
    assert verdicts(outcome(experiment))["resnet_bk", "exponential_gate"] == "equivalent within the margin"
    experiment.content["compare"]["equivalence_margin"] = 0.001
    comparison = outcome(experiment)
    assert verdicts(comparison)["resnet_bk", "exponential_gate"] == "undecided"
    assert "Whether resnet_bk or exponential_gate" in comparison["summary"]


def test_numbers_are_those_of_the_cells(experiment):
    comparison = outcome(experiment)
    for name, model in comparison["models"].items():
        losses = [experiment.read(f"metrics/evaluate/{name}-{seed}.json")["loss"] for seed in range(3)]
        assert model["loss_by_seed"] == pytest.approx(losses, rel=1e-7)
        assert model["loss"] == pytest.approx(np.mean(losses), rel=1e-7)
        assert model["perplexity"] == pytest.approx(np.exp(np.mean(losses)), rel=1e-7)
        assert model["standard_deviation"] == pytest.approx(np.std(losses, ddof=1), rel=1e-7)
    for row in comparison["comparisons"]:
        difference = comparison["models"][row["model"]]["loss"] - comparison["models"][row["against"]]["loss"]
        assert row["difference"] == pytest.approx(difference, abs=2e-7)
        low, high = row["confidence_interval"]
        assert low < row["difference"] < high


def test_p_values_are_corrected_over_all_comparisons_by_holm(experiment):
    rows = sorted(outcome(experiment)["comparisons"], key=lambda row: row["p_value"])
    stepped = [row["p_value"] * (len(rows) - rank) for rank, row in enumerate(rows)]
    expected = np.minimum(np.maximum.accumulate(stepped), 1)
    assert [row["p_value_corrected"] for row in rows] == pytest.approx(expected, rel=1e-6)


def test_every_pair_has_its_second_opinions_and_its_power(experiment):
    for row in outcome(experiment)["comparisons"]:
        low, high = row["bootstrap_interval"]
        assert low < row["difference"] < high
        flips = row["permutation_p_value"]
        assert flips["smallest"] == 0.25 <= flips["seeds"] <= flips["both"] <= 1
        power = row["power"]
        assert (power["effect"], power["alpha"], power["target"]) == (row["margin"], 0.05 / 4, 0.8)
        for kind in ("difference", "equivalence"):
            assert 0 <= power[kind] <= 1
            needed = power[f"{kind}_seeds_needed"]
            assert (needed is not None and needed <= 3) == (power[kind] >= 0.8)


def test_a_model_tuned_at_the_edge_of_its_range_is_named_in_its_verdicts(experiment):
    for seed in range(3):
        path = f"models/mamba-{seed}/manifest.json"
        experiment.edit(path, tuning=experiment.read(path)["tuning"] | {"at_edge": True})
    comparison = outcome(experiment)
    for row in comparison["comparisons"]:
        assert ("mamba may be mistuned" in (row["note"] or "")) == ("mamba" in (row["model"], row["against"]))
    assert "; mamba may be mistuned: its learning rate is at the edge of its range." in comparison["summary"]


def test_fixed_learning_rates_are_not_mistuned(experiment):
    for cell in experiment.root.glob("models/*"):
        experiment.edit(f"models/{cell.name}/manifest.json", tuning=None)
    assert "mistuned" not in outcome(experiment)["summary"]


def test_who_is_not_below_the_bigram_baseline_is_named(experiment):
    comparison = outcome(experiment)
    assert not comparison["models"]["transformer"]["below_bigram"]
    assert "Not below the bigram baseline (4.9000 nats a token): transformer." in comparison["summary"]
    ngrams = experiment.read("metrics/baselines.json")
    ngrams["bigram"]["loss"] = 5.5
    experiment.write("metrics/baselines.json", ngrams)
    assert "Every model is below the bigram baseline" in outcome(experiment)["summary"]


def test_an_unfair_pair_is_not_comparable_and_the_others_are(experiment):
    for seed in range(3):
        parameters = {"total": 2_000_000, "embedding": 262_144, "non_embedding": 1_737_856}
        experiment.edit(f"metrics/evaluate/resnet_bk-{seed}.json", parameters=parameters)
    comparison = outcome(experiment)
    reason = "parameters of resnet_bk (2,000,000) miss the budget of 1,000,000 by +100.00 %; the tolerance is 1 %"
    assert verdicts(comparison)["resnet_bk", "mamba"] == f"not comparable: {reason}"
    assert verdicts(comparison)["transformer", "mamba"] == "higher loss"
    assert comparison["summary"].startswith(f"resnet_bk and mamba are not comparable: {reason}.")


@pytest.mark.parametrize("damage", ["missing", "failed"])
def test_a_model_without_a_passed_audit_is_not_comparable(experiment, damage):
    if damage == "missing":
        (experiment.root / "metrics/audit/mamba.json").unlink()
    else:
        experiment.edit("metrics/audit/mamba.json", passed=False)
    found = verdicts(outcome(experiment))
    assert found["resnet_bk", "mamba"].startswith(
        f"not comparable: audit of mamba {'is ' * (damage == 'missing')}"
    )
    assert not found["resnet_bk", "exponential_gate"].startswith("not comparable")


def test_one_seed_leaves_everything_undecided(make_experiment):
    comparison = outcome(make_experiment(seeds=1))
    assert set(verdicts(comparison).values()) == {"undecided"}
    assert comparison["models"]["mamba"]["standard_deviation"] is None
    assert "says nothing about other seeds" in comparison["summary"]


def test_a_missing_control_is_said(make_experiment):
    comparison = outcome(make_experiment(effects={"resnet_bk": -0.2, "mamba": 0.0}))
    assert "Nothing can be said for the mixer of resnet_bk" in comparison["summary"]


def test_a_baseline_alone_has_nothing_to_compare(make_experiment):
    comparison = outcome(make_experiment(effects={"mamba": 0.0}))
    assert comparison["comparisons"] == []
    assert "0 comparisons" in comparison["summary"]


def test_equal_models_under_two_names_are_equivalent(experiment):
    for seed in range(3):
        cell = experiment.read(f"metrics/evaluate/mamba-{seed}.json")
        kept = {key: cell[key] for key in ("loss", "documents", "tokens")}
        experiment.edit(f"metrics/evaluate/transformer-{seed}.json", **kept)
    row = next(row for row in outcome(experiment)["comparisons"] if row["model"] == "transformer")
    assert (row["difference"], row["p_value"], row["confidence_interval"]) == (0, 1, [0, 0])
    assert row["verdict"] == "equivalent within the margin"


def test_a_constant_difference_is_refused(experiment):
    for seed in range(3):
        cell = experiment.read(f"metrics/evaluate/mamba-{seed}.json")
        for entry in (cell, *cell["documents"]):
            entry["loss"] += 0.125
        experiment.edit(
            f"metrics/evaluate/transformer-{seed}.json", loss=cell["loss"], documents=cell["documents"]
        )
    with pytest.raises(UserError, match=r"transformer and mamba differ by the same 0\.125 nats"):
        outcome(experiment)


def test_one_document_is_refused(make_experiment):
    with pytest.raises(UserError, match="the test split holds one document"):
        outcome(make_experiment(documents=1))


def test_missing_ngrams_are_refused(experiment):
    (experiment.root / "metrics/baselines.json").unlink()
    with pytest.raises(UserError, match=r"baselines\.json: not found\. Run: dvc repro baselines"):
        outcome(experiment)


def test_noise_in_the_last_bits_does_not_move_the_file(experiment):
    before = outcome(experiment)
    for seed in range(3):
        path = f"metrics/evaluate/resnet_bk-{seed}.json"
        documents = experiment.read(path)["documents"]
        for document in documents:
            document["loss"] = float(np.nextafter(document["loss"], 9))
        experiment.edit(path, documents=documents)
    assert outcome(experiment) == before


def test_a_real_change_does_move_the_file(experiment):
    before = outcome(experiment)
    path = "metrics/evaluate/resnet_bk-0.json"
    documents = experiment.read(path)["documents"]
    documents[0]["loss"] += 1e-5
    experiment.edit(path, documents=documents)
    assert outcome(experiment) != before


def test_flat_metrics_hold_numbers_by_model(experiment):
    metrics = flat_metrics(outcome(experiment))
    assert set(metrics["mamba"]) == {"loss", "perplexity", "bits_per_byte"}
    assert set(metrics["resnet_bk"]) - set(metrics["mamba"]) == {
        "difference_to_mamba",
        "difference_to_exponential_gate",
    }


def run_stage(experiment) -> subprocess.CompletedProcess:
    (experiment.root / "dvc.yaml").write_text(json.dumps({"stages": {"compare": {"deps": ["metrics/evaluate"]}}}))
    (experiment.root / "params.yaml").write_text(json.dumps(experiment.params.model_dump()))
    for name in ("src", "stages"):
        (experiment.root / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "stages.compare"]
    return subprocess.run(command, cwd=experiment.root, capture_output=True, text=True, check=False)


def test_the_stage_writes_the_same_bytes_as_another_process(experiment):
    finished = run_stage(experiment)
    assert finished.returncode == 0, finished.stderr
    comparison = outcome(experiment)
    for name, value in (("comparison", comparison), ("summary", flat_metrics(comparison))):
        write_json(experiment.root / f"{name}-here.json", value)
        there = (experiment.root / f"metrics/{name}.json").read_bytes()
        assert there == (experiment.root / f"{name}-here.json").read_bytes()
    assert finished.stdout.strip() == comparison["summary"]


def test_the_stage_fails_with_one_line_and_writes_nothing(experiment):
    (experiment.root / "metrics/evaluate/mamba-0.json").unlink()
    finished = run_stage(experiment)
    assert finished.returncode == 1
    assert finished.stderr.startswith("ERROR in compare: metrics/evaluate/mamba-0.json: not found")
    assert "Traceback" not in finished.stderr
    assert not (experiment.root / "metrics/comparison.json").exists()
