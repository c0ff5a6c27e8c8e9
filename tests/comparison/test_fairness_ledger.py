"""The ledger holds of every cell what its own files say."""

from __future__ import annotations

from dataclasses import fields

import pytest

from resnetbk.comparison.cells import read_cells
from resnetbk.comparison.ledger import Ledger, read_ledgers

FAIR = Ledger(
    model="resnet_bk",
    seed=0,
    parameters=1_000_000,
    parameters_embedding=200_000,
    parameters_non_embedding=800_000,
    parameter_budget=1_000_000,
    tied_embeddings=True,
    forward_flops=10**9,
    backward_flops=2 * 10**9,
    steps=600,
    training_tokens=614_400,
    state_size=4096,
    peak_memory_bytes=5 * 10**7,
    tuning_trials=6,
    tuning_tokens=491_520,
    initial_weights="first",
    initialisation="own",
    data_order="order",
    audit_passed=True,
    data={"train": "a", "validation": "b", "test": "c"},
    documents=20,
    tokens=10_000,
)


def ledgers(experiment) -> dict[str, list[Ledger]]:
    return read_ledgers(read_cells(experiment.params.run, experiment.root), parameter_budget=10**6)


def test_every_cell_has_one_in_the_order_of_params(experiment):
    run = experiment.params.run
    read = ledgers(experiment)
    assert [(name, [ledger.seed for ledger in group]) for name, group in read.items()] == [
        (name, run.seeds) for name in run.models
    ]
    assert all(ledger.model == name for name, group in read.items() for ledger in group)


def test_rows_come_from_the_cells_own_files(experiment):
    costs = {"forward_flops": 7, "backward_flops": 11, "peak_memory_bytes": 13}
    experiment.edit("metrics/audit/mamba.json", passed=False)
    experiment.edit("models/mamba-1/manifest.json", costs=costs, tied_embeddings=False, data_order="5" * 64)
    one, other, _ = ledgers(experiment)["mamba"]
    assert (one.parameters, one.parameters_embedding, one.documents) == (1_003_000, 262_144, 20)
    assert one.audit_passed is other.audit_passed is False
    assert (one.flops, one.tied_embeddings) == (3 * 10**9, True)
    assert (other.flops, other.peak_memory_bytes, other.tied_embeddings, other.data_order) == (
        18,
        13,
        False,
        "5" * 64,
    )
    assert (one.tuning_trials, one.tuning_tokens, one.steps) == (6, 491_520, 600)


def test_fixed_rates_are_no_trials(experiment):
    experiment.edit("models/mamba-0/manifest.json", tuning=None)
    assert (ledgers(experiment)["mamba"][0].tuning_trials, ledgers(experiment)["mamba"][0].tuning_tokens) == (0, 0)


def test_json_has_every_row_and_what_follows_from_them(experiment):
    ledger = ledgers(experiment)["mamba"][0]
    row = ledger.as_json()
    assert row.keys() == {field.name for field in fields(Ledger)} | {"flops", "parameters_from_budget"}
    assert row["parameters_from_budget"] == pytest.approx(0.003)
