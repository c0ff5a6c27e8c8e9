"""What the battery's stages really write is what the report reads."""

from __future__ import annotations

import json

import pytest
from tests.evaluation.conftest import corpus_folder, params, root, small_heap  # noqa: F401
from tests.evaluation.small_cell import CONTEXT, EARLY_EXIT, QUANTISE, give_other_text
from tests.tasks.small_tasks import needle

from resnetbk.evaluation.context_cell import context_cell
from resnetbk.evaluation.early_exit_cell import early_exit_cell
from resnetbk.evaluation.quantise_cell import quantise_cell
from resnetbk.params import Battery, Params
from resnetbk.report.battery import load_battery
from resnetbk.report.battery_sections import battery_figures
from resnetbk.tasks.cell import task_cell

pytestmark = pytest.mark.usefixtures("small_heap")


def test_real_records_have_their_figures_and_tables(params, root):  # noqa: F811
    give_other_text(root)
    fields = params.model_dump() | {"context": CONTEXT, "quantise": QUANTISE, "early_exit": EARLY_EXIT}
    one = {"models": ["small"], "seeds": [3], "determinism": "fast"}
    fields["run"] |= one
    fields["tasks"] = {"needle": needle().model_dump()}
    fields["compare"] |= {"baseline": "small", "hypotheses": {}}
    fields["battery"] = {key: ["needle"] if key == "tasks" else ["small"] for key in Battery.model_fields}
    run = Params.model_validate(fields)
    records = {
        "tasks/needle-small": task_cell(run, "needle", "small", root=root),
        "context/small-3": context_cell(run, "small", 3, root=root),
        "quantise/small-3": quantise_cell(run, "small", 3, root=root),
        "early_exit/small-3": early_exit_cell(run, "small", 3, root=root),
    }
    for name, record in records.items():
        path = root / f"metrics/{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, allow_nan=False))
    figures = battery_figures(load_battery(run, root=root))
    assert list(figures) == ["tasks", "long_context", "precision", "early_exit"]
    accuracy = records["tasks/needle-small"]["seeds"][0]["tests"][0]["accuracy"]
    assert figures["tasks"].tables[0].rows[0].cells[0].startswith(f"{100 * accuracy:.1f}\n")
    loss = records["context/small-3"]["stream"]["loss"]
    assert figures["long_context"].tables[1].rows[0].cells[1].startswith(f"{loss:.4f}\n")
