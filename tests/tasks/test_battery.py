"""The overnight battery can be made: every task's models meet its budget."""

import shutil

import pytest

from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import load_params
from resnetbk.presets import use
from resnetbk.tasks.generators import load_generator


@pytest.fixture(scope="module")
def params(pytestconfig, tmp_path_factory):
    file = tmp_path_factory.mktemp("battery") / "params.yaml"
    shutil.copy(pytestconfig.rootpath / "params.yaml", file)
    use("battery", file, pytestconfig.rootpath / "presets")
    return load_params(file)


@pytest.mark.nightly
def test_every_model_of_a_task_meets_its_budget(params):
    sized = set()
    for name in params.battery.tasks:
        task = params.tasks[name]
        vocabulary_size = load_generator(task.kind).vocabulary_size(task)
        shape = (vocabulary_size, task.layers, task.parameter_budget)
        for model_name in params.battery.task_models:
            if (*shape, model_name) not in sized:  # tasks of one shape have the same models
                config = params.models[model_name].model_copy(update={"layers": task.layers})
                total = count_parameters(build_model(config, vocabulary_size, task.parameter_budget, 0))["total"]
                assert abs(total / task.parameter_budget - 1) <= 0.01
                sized.add((*shape, model_name))
    assert len(sized) == 7 * len(params.battery.task_models)


def test_it_asks_for_every_kind_and_five_seeds(params):
    kinds = {params.tasks[name].kind for name in params.battery.tasks}
    assert kinds == {"modular_counting", "mqar", "selective_copying", "induction", "needle"}
    assert len(params.run.seeds) == 5
