"""Every key of a task changes what its cell computes."""

import json
from typing import get_args

import pytest
from tests.tasks.small_tasks import QUICK, copying, counting, induction, mqar, needle

from resnetbk.audit.code import audited_sources
from resnetbk.models.registry import build_model
from resnetbk.params import load_params
from resnetbk.params.tasks import Task
from resnetbk.tasks.cell import task_cell

COMMON = {
    "length": 20,
    "layers": 2,
    "parameter_budget": 9_000,
    "steps": 5,
    "tune_steps": 3,
    "warmup_steps": 0,
    "batch_size": 3,
    "final_learning_rate": 0.5,
    "label_smoothing": 0.1,
    "validation_rows": 6,
    "validation_multiple": 2,
    "test_rows": 6,
    "test_multiples": [1],
    "distance_buckets": 1,
    "validations": 1,
}
OF_ONE_KIND = {
    counting: {"modulus": 4},
    mqar: {"pairs": 3, "vocabulary": 18},
    copying: {"copied": 3, "vocabulary": 12},
    induction: {"vocabulary": 11},
    needle: {"needles": 2, "vocabulary": 20},
}
CASES = [(counting, key, value) for key, value in COMMON.items()]
CASES += [(make, key, value) for make, changes in OF_ONE_KIND.items() for key, value in changes.items()]


@pytest.fixture(scope="module")
def computed(pytestconfig, tmp_path_factory):
    """Return a function that runs a task's cell and returns all but the task's own description."""
    params = load_params(pytestconfig.rootpath / "params.yaml")
    root = tmp_path_factory.mktemp("tasks")
    (root / "metrics/audit").mkdir(parents=True)
    build_model(params.models["transformer"], 4, QUICK["parameter_budget"], seed=0)  # so that its code is imported
    (root / "metrics/audit/transformer.json").write_text(json.dumps({"code": audited_sources()}))
    made: dict[str, dict] = {}

    def run(task: Task) -> dict:
        key = task.model_dump_json()
        if key not in made:
            small = params.model_copy(
                update={
                    "run": params.run.model_copy(update={"seeds": [0], "determinism": "fast"}),
                    "tune": params.tune.model_copy(update={"learning_rates": [1e-2], "weight_decays": [0.1]}),
                    "tasks": {"small": task},
                }
            )
            made[key] = task_cell(small, "small", "transformer", root=root)
        return {name: value for name, value in made[key].items() if name != "definition"}

    return run


def test_no_key_is_forgotten():
    fields = {name for kind in get_args(get_args(Task)[0]) for name in kind.model_fields} - {"kind"}
    assert fields == {*COMMON, *(key for changes in OF_ONE_KIND.values() for key in changes)}


@pytest.mark.parametrize(("make", "key", "value"), CASES, ids=lambda part: getattr(part, "__name__", str(part)))
def test_key(computed, make, key, value):
    assert computed(make()) != computed(make(**{key: value}))
