"""Every rule of the ledger forbids what it should, names the row, and lets the rest pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnetbk.comparison.cells import read_cells
from resnetbk.comparison.fairness import Ledger, read_ledger, why_not_comparable

FAIR = Ledger(
    parameters=1_000_000,
    parameters_embedding=200_000,
    parameters_non_embedding=800_000,
    parameter_budget=1_000_000,
    training_tokens=614_400,
    state_size=4096,
    audit_passed=True,
    data={"train": "a", "validation": "b", "test": "c"},
    documents=20,
    tokens=10_000,
)
PAIR = ("resnet_bk", "mamba")


def reason(tolerance: float = 0.01, **changes) -> str | None:
    return why_not_comparable({"resnet_bk": replace(FAIR, **changes), "mamba": FAIR}, PAIR, tolerance)


def test_equal_ledgers_are_comparable():
    assert reason() is None


@pytest.mark.parametrize("parameters", [990_000, 1_000_000, 1_010_000])
def test_parameters_on_the_edge_of_the_tolerance_are_comparable(parameters):
    assert reason(parameters=parameters) is None


@pytest.mark.parametrize("parameters", [989_999, 1_010_001])
def test_parameters_beyond_the_tolerance_are_not(parameters):
    assert reason(parameters=parameters).startswith(f"parameters of resnet_bk ({parameters:,}) miss the budget")


def test_two_models_may_miss_the_budget_on_either_side():
    ledgers = {"resnet_bk": replace(FAIR, parameters=1_010_000), "mamba": replace(FAIR, parameters=990_000)}
    assert why_not_comparable(ledgers, PAIR, 0.01) is None


def test_a_baseline_off_the_budget_is_named_even_when_the_model_is_off_alike():
    off = replace(FAIR, parameters=2_000_000)
    assert "parameters of resnet_bk" in why_not_comparable({"resnet_bk": off, "mamba": off}, PAIR, 0.01)
    assert "parameters of mamba" in why_not_comparable({"resnet_bk": FAIR, "mamba": off}, PAIR, 0.01)


def test_the_tolerance_counts():
    assert reason(parameters=1_030_000) is not None
    assert reason(parameters=1_030_000, tolerance=0.05) is None


def test_training_tokens_must_be_equal():
    assert reason(training_tokens=614_401) == "training tokens differ: 614,401 and 614,400"


def test_data_must_be_equal():
    assert reason(data={**FAIR.data, "train": "other"}) == "data differ in the split train"


def test_an_audit_must_be_there_and_passed():
    assert reason(audit_passed=None) == "audit of resnet_bk is missing (dvc repro audit@resnet_bk)"
    assert reason(audit_passed=False) == "audit of resnet_bk failed"


def test_the_audit_is_judged_first():
    assert reason(audit_passed=False, parameters=5).startswith("audit")


def test_a_ledger_is_read_from_its_cells(experiment):
    experiment.edit("metrics/audit/mamba.json", passed=False)
    cells = read_cells(experiment.params.run, experiment.root)
    ledger = read_ledger(cells, "mamba", parameter_budget=10**6)
    assert (ledger.parameters, ledger.parameters_embedding, ledger.documents) == (1_003_000, 262_144, 20)
    assert ledger.audit_passed is False
    assert ledger.parameters_from_budget == pytest.approx(0.003)
    assert ledger.as_json()["parameters_from_budget"] == ledger.parameters_from_budget
