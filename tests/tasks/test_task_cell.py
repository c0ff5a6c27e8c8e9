import json
import shutil

import pytest
from tests.tasks.small_tasks import QUICK, counting

from resnetbk.audit.code import audited_sources
from resnetbk.errors import UserError
from resnetbk.models.registry import build_model
from resnetbk.params import load_params
from resnetbk.repro.files import sha256_json
from resnetbk.tasks.cell import task_cell


@pytest.fixture(scope="module")
def params(pytestconfig):
    params = load_params(pytestconfig.rootpath / "params.yaml")
    return params.model_copy(
        update={
            "run": params.run.model_copy(update={"seeds": [0, 1], "determinism": "fast"}),
            "tune": params.tune.model_copy(update={"learning_rates": [1e-3, 1e-2], "weight_decays": [0.1]}),
            "tasks": {"modular_3": counting()},
        }
    )


@pytest.fixture(scope="module")
def root(params, tmp_path_factory):
    root = tmp_path_factory.mktemp("tasks")
    (root / "metrics/audit").mkdir(parents=True)
    build_model(params.models["transformer"], 4, QUICK["parameter_budget"], seed=0)  # so that its code is imported
    (root / "metrics/audit/transformer.json").write_text(json.dumps({"code": audited_sources()}))
    return root


@pytest.fixture(scope="module")
def record(params, root):
    return task_cell(params, "modular_3", "transformer", root=root)


def test_the_record_holds_every_trial_and_every_seed(record):
    assert [(trial["learning_rate"], trial["weight_decay"]) for trial in record["trials"]] == [
        (1e-3, 0.1),
        (1e-2, 0.1),
    ]
    assert [run["seed"] for run in record["seeds"]] == [0, 1]
    assert record["tokens"] == {"tuning": 2 * 2 * 4 * 16, "training": 4 * 4 * 16}
    assert record["chance"] == pytest.approx(1 / 3)
    assert abs(record["parameters"]["total"] - 7_500) <= 75
    assert record["dimensions"]["layers"] == 1
    for run in record["seeds"]:
        assert [test["length"] for test in run["tests"]] == [16, 32, 64]
        assert [test["answers"] for test in run["tests"]] == [8 * 15, 8 * 31, 8 * 63]
        assert [test["state_bytes"] for test in run["tests"]] == sorted({t["state_bytes"] for t in run["tests"]})
        assert [row["step"] for row in run["curve"]] == [2, 4]


def test_the_choice_is_the_trial_with_the_lowest_validation_loss(record):
    best = min(record["trials"], key=lambda trial: trial["validation_loss"])
    assert record["choice"] == {"learning_rate": best["learning_rate"], "weight_decay": 0.1, "at_edge": True}


def test_the_record_is_a_function_of_its_arguments(params, root, record):
    assert sha256_json(task_cell(params, "modular_3", "transformer", root=root)) == sha256_json(record)


def test_divergence_is_an_outcome(params, root):
    hot = params.model_copy(
        update={"tune": params.tune.model_copy(update={"learning_rates": [1e30], "weight_decays": [0.1]})}
    )
    record = task_cell(hot, "modular_3", "transformer", root=root)
    assert [trial["diverged_at"] for trial in record["trials"]] == [2]
    assert (record["choice"], record["seeds"]) == (None, [])
    assert record["tokens"]["tuning"] == 2 * 4 * 16


def test_a_model_that_was_not_audited_does_no_task(params, root, tmp_path):
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    (tmp_path / "metrics/audit/transformer.json").unlink()
    with pytest.raises(UserError, match="has not passed its audit"):
        task_cell(params, "modular_3", "transformer", root=tmp_path)
