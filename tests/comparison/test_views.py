"""Views of the same cells: arithmetic by hand, and a reason where there is no number."""

from __future__ import annotations

import json

import pytest

from resnetbk.comparison.cells import read_cells
from resnetbk.comparison.ledger import read_ledgers
from resnetbk.comparison.timings import TIMINGS_FILE, read_timings, timing_key
from resnetbk.comparison.views import loss_after, views
from resnetbk.errors import UserError
from resnetbk.repro.files import sha256_file


def look(experiment) -> dict:
    cells = read_cells(experiment.params.run, experiment.root)
    ledgers = read_ledgers(cells, parameter_budget=10**6)
    return views(cells, ledgers, experiment.params.compare, read_timings(experiment.root))


def with_history(experiment, model: str, losses: dict[int, float]) -> None:
    for seed in experiment.params.run.seeds:
        history, manifest = f"metrics/train/{model}-{seed}.jsonl", f"models/{model}-{seed}/manifest.json"
        experiment.write_history(history, losses)
        files = experiment.read(manifest)["files"] | {history: sha256_file(experiment.root / history)}
        experiment.edit(manifest, files=files)


def with_costs(experiment, model: str, flops: int) -> None:
    for seed in experiment.params.run.seeds:
        costs = {"forward_flops": flops // 3, "backward_flops": flops - flops // 3, "peak_memory_bytes": 1}
        experiment.edit(f"models/{model}-{seed}/manifest.json", costs=costs)


def with_timings(experiment, **seconds: float) -> None:
    models = {}
    cells = read_cells(experiment.params.run, experiment.root)
    for model, taken in seconds.items():
        manifest = cells.by_model[model][0].manifest
        key = timing_key(manifest.config, manifest.train, 10**6, "portable", "auto", manifest.data["train"])
        models[model] = {
            "key": key,
            "seconds": taken,
            "lower_quartile": taken,
            "upper_quartile": taken,
            "repeats": 9,
        }
    experiment.write(str(TIMINGS_FILE), {"models": models})


@pytest.mark.parametrize(
    ("steps", "expected"), [(100, 5.0), (300, 4.0), (200, 4.5), (299.5, 4.0025), (99, None), (301, None)]
)
def test_a_loss_between_two_validations_lies_on_a_line(steps, expected):
    assert loss_after([(100, 5.0), (300, 4.0)], steps) == (None if expected is None else pytest.approx(expected))


def test_a_history_without_validation_has_no_loss():
    assert loss_after([], 5) is None


def test_the_cheapest_training_sets_the_budget_of_operations(experiment):
    with_costs(experiment, "transformer", 4_000_000_000)  # a third more than the others
    with_history(experiment, "transformer", {300: 6.0, 600: 5.0})
    with_history(experiment, "mamba", {300: 6.0, 600: 4.0})
    view = look(experiment)["flops"]
    assert view["budget"] == 600 * 3_000_000_000
    costly, baseline = view["models"]["transformer"], view["models"]["mamba"]
    assert (costly["steps"], costly["step_cost"]) == (450, 4_000_000_000)
    assert costly["loss"] == pytest.approx(5.5) and costly["loss_by_seed"] == [pytest.approx(5.5)] * 3
    assert (baseline["steps"], baseline["loss"], baseline["difference"]) == (600, 4.0, 0.0)
    assert costly["difference"] == pytest.approx(1.5)


def test_a_budget_before_the_first_validation_has_no_loss(experiment):
    with_costs(experiment, "transformer", 9_000_000_000)
    row = look(experiment)["flops"]["models"]["transformer"]
    assert (row["steps"], row["loss"], row["difference"]) == (200, None, None)


def test_states_are_compared_with_the_baselines(experiment):
    for seed in range(3):
        experiment.edit(f"metrics/evaluate/transformer-{seed}.json", state_size=10**6)
    experiment.content["compare"]["tolerances"]["state_size"] = 0.1
    for seed in range(3):
        experiment.edit(f"metrics/evaluate/resnet_bk-{seed}.json", state_size=60_000)
    rows = look(experiment)["state_size"]["models"]
    assert [rows[name]["comparable"] for name in ("resnet_bk", "mamba", "transformer")] == [True, True, False]
    assert rows["transformer"]["surpassed_by"] == ["resnet_bk", "exponential_gate", "mamba"]
    assert rows["mamba"]["surpassed_by"] == []
    experiment.content["compare"]["tolerances"]["state_size"] = None
    assert not look(experiment)["state_size"]["models"]["resnet_bk"]["comparable"]


def test_without_a_measurement_there_is_a_reason_and_no_number(experiment):
    view = look(experiment)["seconds"]
    assert view.keys() == {"not_measured"}
    assert view["not_measured"] == (
        "resnet_bk, exponential_gate, mamba, transformer not measured: run `make benchmark`"
    )


def test_seconds_match_like_operations(experiment):
    with_timings(experiment, resnet_bk=0.1, exponential_gate=0.1, mamba=0.2, transformer=0.1)
    with_history(experiment, "mamba", {300: 6.0, 600: 4.0})
    view = look(experiment)["seconds"]
    assert view["budget"] == pytest.approx(60)
    assert (view["models"]["mamba"]["steps"], view["models"]["mamba"]["loss"]) == (300, 6.0)


@pytest.mark.parametrize(
    "change",
    [{"config": {"family": "mamba"}}, {"parameter_budget": 5}, {"determinism": "fast"}, {"kernels": "numba"}],
)
def test_a_stale_measurement_is_told_and_not_used(experiment, change):
    with_timings(experiment, resnet_bk=0.1, exponential_gate=0.1, mamba=0.2, transformer=0.1)
    for seed in range(3):
        experiment.edit(f"models/mamba-{seed}/manifest.json", **change)
    view = look(experiment)["seconds"]
    assert view == {"not_measured": "mamba measured with other parameters: run `make benchmark`"}


def test_a_measurement_that_is_none_is_refused(experiment):
    experiment.write(str(TIMINGS_FILE), {"models": {"mamba": {"seconds": -1}}})
    with pytest.raises(UserError, match=r"benchmark_cells\.json: models\.mamba\.key"):
        look(experiment)


def test_views_are_json(experiment):
    assert json.loads(json.dumps(look(experiment), allow_nan=False))


def test_the_cheapest_training_is_read_off_at_its_end_whatever_a_quotient_rounds_to(experiment):
    seconds = 0.870164
    assert 600 * seconds / seconds > 600
    with_timings(experiment, resnet_bk=0.9, exponential_gate=0.9, mamba=seconds, transformer=0.9)
    with_history(experiment, "mamba", {300: 6.0, 600: 4.0})
    row = look(experiment)["seconds"]["models"]["mamba"]
    assert (row["steps"], row["loss"]) == (600, 4.0)
