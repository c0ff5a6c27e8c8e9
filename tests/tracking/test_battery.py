"""Every cell of the battery has its run in MLflow."""

import pytest
from tests.report.small_battery import BATTERY, cells
from tests.tracking.test_track import open_database, runs

from resnetbk.errors import UserError
from resnetbk.repro.files import write_json
from resnetbk.tracking.track import track


@pytest.fixture
def asked(project, params):
    tasks = dict(zip(BATTERY.tasks, params.tasks.values(), strict=False))
    asked = params.model_copy(update={"battery": BATTERY, "tasks": tasks})
    for path, content in cells(asked):
        write_json(project / path, content)
    return asked


def test_every_cell_has_a_run_with_its_numbers(project, database, asked):
    assert track(asked, root=project)
    client = open_database(database)
    found = runs(client)
    parents = {run.data.tags.get("mlflow.parentRunId") for name, run in found.items() if name != "comparison"}
    assert parents == {found["comparison"].info.run_id}
    names = [f"task {task}-{model}" for task in BATTERY.tasks for model in BATTERY.task_models]
    looks = ("context", "quantise", "early_exit")
    names += [f"{look} {model}-0" for look in looks for model in BATTERY.context_models]
    assert set(names) <= set(found)
    task = found["task parity-resnet_bk"]
    history = client.get_metric_history(task.info.run_id, "test_accuracy/seed_0")
    assert {point.step: point.value for point in history} == pytest.approx({8: 0.989, 16: 0.988, 32: 0.986})
    assert task.data.metrics["chance"] == 0.5
    assert task.data.tags["task"] == "parity" and task.data.tags["dvc_stage"] == "task@parity-resnet_bk"
    assert task.data.params["tasks.parity.length"] == str(asked.tasks["parity"].length)
    context = found["context mamba-0"].data.metrics
    assert context["windows/loss"] == 4.5 and context["receptive_field/mean_distance"] == 12.5
    assert context["out_of_domain/speeches"] == 5.0 and context["gradient_spikes"] == 1
    assert found["quantise mamba-0"].data.metrics["loss/w4"] == 4.75
    assert found["early_exit mamba-0"].data.metrics["loss/confidence_0.5"] == 4.75


def test_a_cell_that_diverged_has_a_run_without_a_curve(project, database, asked):
    assert track(asked, root=project)
    metrics = runs(open_database(database))["task needle-transformer"].data.metrics
    assert set(metrics) == {"chance"}


def test_it_is_sent_once(project, database, asked, capsys):
    assert track(asked, root=project)
    assert track(asked, root=project)
    assert ": 0 runs sent" in capsys.readouterr().out.splitlines()[-1]


def test_a_missing_cell_is_named(project, asked):
    (project / "metrics/quantise/mamba-0.json").unlink()
    with pytest.raises(UserError, match=r"metrics/quantise/mamba-0\.json: not found"):
        track(asked, root=project)
