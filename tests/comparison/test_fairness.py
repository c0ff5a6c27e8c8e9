"""Every rule of the ledger forbids what it should, names the row, and lets the rest pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.comparison.test_fairness_ledger import FAIR

from resnetbk.comparison.fairness import why_not_comparable
from resnetbk.params.comparison import Tolerances

PAIR = ("resnet_bk", "mamba")
TOLERANCES = Tolerances(
    parameters=0.01,
    training_tokens=0,
    steps=0,
    tuning_trials=0,
    tuning_tokens=0.5,
    flops=None,
    state_size=None,
    peak_memory_bytes=None,
)
MAMBA = [replace(FAIR, model="mamba", seed=seed) for seed in (0, 1)]


def reason(tolerances: dict | None = None, **changes) -> str | None:
    """Judge a pair of which the second seed of one model differs."""
    ours = [FAIR, replace(FAIR, **{"seed": 1, **changes})]
    allowed = TOLERANCES.model_copy(update=tolerances or {})
    return why_not_comparable({"resnet_bk": ours, "mamba": MAMBA}, PAIR, allowed)


def test_equal_ledgers_are_comparable():
    assert reason() is None


@pytest.mark.parametrize("parameters", [990_000, 1_000_000, 1_010_000])
def test_parameters_on_the_edge_of_the_tolerance_are_comparable(parameters):
    assert reason(parameters=parameters) is None


@pytest.mark.parametrize("parameters", [989_999, 1_010_001])
def test_parameters_beyond_the_tolerance_are_not(parameters):
    assert reason(parameters=parameters).startswith(f"parameters of resnet_bk ({parameters:,}) miss the budget")


def test_two_models_may_miss_the_budget_on_either_side():
    ledgers = {
        "resnet_bk": [replace(FAIR, parameters=1_010_000)],
        "mamba": [replace(MAMBA[0], parameters=990_000)],
    }
    assert why_not_comparable(ledgers, PAIR, TOLERANCES) is None


def test_a_baseline_off_the_budget_is_named_even_when_the_model_is_off_alike():
    ours, theirs = replace(FAIR, parameters=2_000_000), replace(MAMBA[0], parameters=2_000_000)
    alike = {"resnet_bk": [ours], "mamba": [theirs]}
    assert "parameters of resnet_bk" in why_not_comparable(alike, PAIR, TOLERANCES)
    assert "parameters of mamba" in why_not_comparable({**alike, "resnet_bk": [FAIR]}, PAIR, TOLERANCES)


def test_the_tolerance_of_parameters_counts():
    assert reason(parameters=1_030_000) is not None
    assert reason({"parameters": 0.05}, parameters=1_030_000) is None


ROWS = {
    "training_tokens": "training tokens",
    "steps": "optimiser steps",
    "tuning_trials": "tuning trials",
    "tuning_tokens": "tuning tokens",
    "state_size": "bytes of state",
    "peak_memory_bytes": "bytes of peak memory",
}


@pytest.mark.parametrize("row", ROWS)
def test_a_number_that_differs_is_named(row):
    found = getattr(FAIR, row) + 1
    assert reason({row: 0}, **{row: found}) == f"{ROWS[row]} differ: {found:,} and {found - 1:,}"


@pytest.mark.parametrize("row", ROWS)
def test_a_tolerance_is_relative_to_the_larger_number(row):
    found = 2 * getattr(FAIR, row)
    assert reason({row: 0.5}, **{row: found}) is None
    assert reason({row: 0.49}, **{row: found}).endswith("; the tolerance is 49 %")


@pytest.mark.parametrize("row", ROWS)
def test_what_is_not_to_be_matched_may_differ(row):
    assert reason({row: None}, **{row: 10 * getattr(FAIR, row)}) is None


def test_operations_are_forward_and_backward_together():
    assert reason({"flops": 0}, forward_flops=10**9 + 5, backward_flops=2 * 10**9 - 5) is None
    assert reason({"flops": 0.01}, backward_flops=3 * 10**9).startswith("operations of a training step differ")


def test_no_tuning_against_a_tuned_baseline_is_not_comparable():
    assert reason(tuning_trials=0, tuning_tokens=0) == "tuning trials differ: 0 and 6"


def test_a_diverged_trial_is_within_the_committed_tolerance():
    assert reason(tuning_tokens=FAIR.tuning_tokens * 5 // 6) is None


def test_data_must_be_equal():
    assert reason(data={**FAIR.data, "train": "other"}) == "data differ in the split train"


def test_the_order_of_the_data_must_be_equal():
    assert reason(data_order="other") == "order of the data differs under seed 1"


def test_the_order_follows_from_a_number_of_tokens_that_may_differ():
    assert reason({"training_tokens": 0.5}, training_tokens=900_000, data_order="other") is None


def test_a_baseline_with_a_foreign_initialisation_is_named():
    assert reason(initialisation="original") is None
    assert reason(initialisation="changed").startswith("initialisation of resnet_bk with seed 1 was changed")


def test_embeddings_are_tied_in_both_or_in_none():
    assert reason(tied_embeddings=False) == "embeddings are tied to the output in mamba and not in resnet_bk"


def test_an_audit_must_be_there_and_passed():
    assert reason(audit_passed=None) == "audit of resnet_bk is missing (dvc repro audit@resnet_bk)"
    assert reason(audit_passed=False) == "audit of resnet_bk failed"


def test_the_audit_is_judged_first():
    assert reason(audit_passed=False, parameters=5).startswith("audit")
