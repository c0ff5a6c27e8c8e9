"""A verdict by another plan than the one the cells were trained under is exploratory, and says so first."""

from __future__ import annotations

import shutil

import pytest

from resnetbk.comparison.outcome import compare
from resnetbk.errors import UserError
from resnetbk.plan import PLAN_FILE, plan_of, register_plan
from resnetbk.repro.sealed import write_sealed


def test_a_plan_that_was_kept_is_not_spoken_of(experiment):
    comparison = compare(experiment.params, experiment.root)
    assert comparison["plan"] == {"sha256": experiment.plan, "exploratory": None}
    assert "xploratory" not in comparison["summary"]


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("compare", "alpha", 0.1, "alpha was 0.05 and is 0.1"),
        ("compare", "equivalence_margin", 0.05, "equivalence_margin was 0.01 and is 0.05"),
        ("run", "seeds", [0, 1], "seeds was [0, 1, 2] and is [0, 1]"),
    ],
)
def test_a_plan_changed_after_training_is_said_first(experiment, section, key, value, said):
    if key == "seeds":
        for path in [*experiment.root.glob("models/*-2"), *experiment.root.glob("metrics/*/*-2.json*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    experiment.content[section][key] = value
    comparison = compare(experiment.params, experiment.root)
    assert comparison["summary"].startswith(
        f"Exploratory, not a test of the plan: after training the plan was changed: {said}."
    )


def test_registering_anew_does_not_make_old_cells_confirm_the_new_plan(experiment):
    experiment.content["compare"]["alpha"] = 0.1
    register_plan(experiment.params, experiment.root / PLAN_FILE)
    assert "were trained under another plan" in compare(experiment.params, experiment.root)["summary"]


def test_a_plan_that_was_edited_or_is_missing_is_refused(experiment):
    path = experiment.root / PLAN_FILE
    path.write_text(path.read_text().replace("0.05", "0.10"))
    with pytest.raises(UserError, match="damaged or edited; `resnetbk plan register`"):
        compare(experiment.params, experiment.root)
    path.unlink()
    with pytest.raises(UserError, match="no plan is registered; `resnetbk plan register`"):
        compare(experiment.params, experiment.root)


@pytest.mark.parametrize(
    ("metric", "said"),
    [(None, "the plan names no primary metric"), ("accuracy", "the plan names the primary metric 'accuracy'")],
)
def test_a_plan_without_the_primary_metric_is_refused(experiment, metric, said):
    plan = plan_of(experiment.params) | {"primary_metric": metric}
    write_sealed(experiment.root / PLAN_FILE, {key: value for key, value in plan.items() if value is not None})
    with pytest.raises(UserError, match=rf"plan\.lock\.json: primary_metric: {said}, expected 'mean loss"):
        compare(experiment.params, experiment.root)
