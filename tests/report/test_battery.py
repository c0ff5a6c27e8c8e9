"""The battery has its sections where it was run; what was not finite is said and not averaged away."""

from __future__ import annotations

import copy
import re

import pytest
from tests.report.conftest import write_json
from tests.report.small_battery import BATTERY, cells

from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.report.battery import load_battery
from resnetbk.report.battery_frames import accuracy_frame, precision_frame, windows_frame
from resnetbk.report.battery_sections import battery_figures
from resnetbk.report.build import build_report
from resnetbk.report.tables.context import context_tables
from resnetbk.report.tables.precision import precision_table
from resnetbk.report.tables.table import Table
from resnetbk.report.tables.tasks import task_table

FIGURES = {"tasks", "long_context", "precision", "early_exit"}


@pytest.fixture(scope="module")
def asked(params: Params) -> Params:
    return params.model_copy(update={"battery": BATTERY})


@pytest.fixture
def battery_root(tmp_path, asked):
    for path, content in cells(asked):
        write_json(tmp_path / path, content)
    return tmp_path


@pytest.fixture(scope="module")
def figures(tmp_path_factory, asked):
    """The figures and tables of the small battery."""
    root = tmp_path_factory.mktemp("battery")
    for path, content in cells(asked):
        write_json(root / path, content)
    return battery_figures(load_battery(asked, root=root))


def change(root, asked, path, edit):
    content = copy.deepcopy(dict(cells(asked))[path])
    edit(content)
    write_json(root / path, content)


def row(table: Table, heading: str) -> list[str]:
    found = next(row for row in table.rows if text(row.heading) == heading)
    return [text(cell) for cell in found.cells]


def text(cell) -> str:
    return getattr(cell, "text", cell)


def test_there_is_nothing_of_it_in_a_default_run(built, params):
    assert params.battery.tasks == [] and not {f"plots/{name}.svg" for name in FIGURES} & set(built)
    page = built["report/index.html"].decode()
    assert not any(f'id="{name}"' in page for name in FIGURES)


def test_a_battery_has_its_figures_and_tables_on_the_page(root, asked, built):
    for path, content in cells(asked):
        write_json(root / path, content)
    again = build_report(asked, root)
    assert set(again) - set(built) == {f"plots/{name}.svg" for name in FIGURES}
    assert {name for name in built if built[name] != again[name]} == {
        "report/index.html",
        "plots/tasks.csv",
        "plots/windows.csv",
        "plots/receptive_field.csv",
    }
    page = again["report/index.html"].decode()
    figures = re.findall(r'(?s)<figure id="([^"]+)".*?</figure>', page)
    assert FIGURES < set(figures) and len(re.findall("(?s)<figure.*?<table>", page)) == len(figures) == 9
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_tables_give_the_numbers_of_the_files(figures):
    parity, needle, distances = figures["tasks"].tables
    assert row(parity, "resnet_bk") == [
        *("98.9\n98.9 to 98.9", "98.8\n98.8 to 98.8", "98.6\n98.6 to 98.6"),
        *("0 of 3", "20,011", "256", "0.018\nat the edge", "0.1"),
    ]
    assert "chance is 50.0" in parity.caption and "length 8" in parity.caption
    assert row(needle, "transformer") == ["–", "–", "–", "every trial", "20,011", "–", "–", "–"]  # noqa: RUF001
    assert row(distances, "4") == ["98.2", "5.2", "–"]  # noqa: RUF001
    lengths, stream, reach, other, *_ = figures["long_context"].tables
    assert row(lengths, "4x\n1,024") == ["4.5100\n4.5000 to 4.5200"] * 2
    assert row(stream, "mamba")[-3:] == ["5,000", "4,000", "none"]
    assert row(reach, "mamba") == ["13.5\n12.5 to 14.5", "40\n40 to 40", "0", "3 of 114"]
    assert "above 3 times the median of the 10 logged before" in reach.caption
    assert row(other, "mamba") == ["2.1250\n2.1250 to 2.1250"]
    (precision,) = figures["precision"].tables
    assert row(precision, "w2") == ["6.2600\n+1.7500\n2,000"] * 2
    (exits,) = figures["early_exit"].tables
    assert exits.rows[2].cells == ["confidence 0.5", "4.7500\n4.7500 to 4.7500", "1.50", "1,500", "3 of 3"]


def test_a_changed_number_shows_in_its_figure_alone(battery_root, asked, figures):
    change(
        battery_root,
        asked,
        "metrics/tasks/parity-mamba.json",
        lambda d: [run["tests"][2].update(accuracy=0.875) for run in d["seeds"]],
    )
    after = battery_figures(load_battery(asked, root=battery_root))
    assert {name for name in FIGURES if figures[name] != after[name]} == {"tasks"}
    assert figures["tasks"].svg != after["tasks"].svg
    assert row(after["tasks"].tables[0], "mamba")[2] == "87.5\n87.5 to 87.5"


def test_what_is_not_finite_under_one_seed_has_no_mean(battery_root, asked):
    def broken(document):
        document["windows"][2].update(loss=None, non_finite_losses=7)
        document["stream"].update(loss=None, non_finite_losses=3, first_non_finite=77)

    change(battery_root, asked, "metrics/context/mamba-1.json", broken)
    change(
        battery_root,
        asked,
        "metrics/quantise/mamba-1.json",
        lambda d: d["precisions"]["w2"].update(loss=None, loss_increase=None, non_finite="the logits"),
    )
    battery = load_battery(asked, root=battery_root)
    windows, precisions = windows_frame(battery), precision_frame(battery)
    assert windows[windows.model == "mamba"].tokens.tolist() == [256, 512]
    assert precisions[precisions.model == "mamba"].precision.tolist() == [0, 1]
    lengths, stream, *_ = context_tables(battery)
    assert row(lengths, "4x\n1,024")[1] == "not finite"
    assert row(stream, "mamba")[1:5] == ["not finite", "3", "0", "–\n77"]  # noqa: RUF001
    assert row(precision_table(battery), "w2")[1] == "not finite\n1 of 3 seeds\n2,000"


def test_a_seed_that_diverged_is_counted(battery_root, asked):
    change(
        battery_root,
        asked,
        "metrics/tasks/needle-mamba.json",
        lambda d: d["seeds"][1].update(diverged_at=9, tests=[]),
    )
    battery = load_battery(asked, root=battery_root)
    scores = accuracy_frame(battery)
    assert scores[(scores.task == "needle") & (scores.model == "mamba")].seeds.tolist() == [2, 2, 2]
    assert row(task_table(battery, "needle"), "mamba")[3] == "1 of 3"


@pytest.mark.parametrize(
    ("path", "edit", "message"),
    [
        (
            "metrics/tasks/parity-mamba.json",
            lambda d: d.update(chance=0.25),
            "definition and chance: not those of",
        ),
        ("metrics/tasks/parity-mamba.json", lambda d: d["seeds"].pop(), r"seeds: found \[0, 1\], run\.seeds"),
        ("metrics/tasks/parity-mamba.json", lambda d: d.update(task="needle"), "holds needle mamba, not what its"),
        ("metrics/context/mamba-1.json", lambda d: d.update(training_length=64), "training_length: not those of"),
        ("metrics/context/mamba-1.json", lambda d: d.pop("stream"), r"mamba-1\.json: stream: Field required"),
        ("metrics/quantise/mamba-1.json", lambda d: d["precisions"].pop("w2"), "precisions: not those of"),
        ("metrics/early_exit/mamba-1.json", lambda d: d["rows"].pop(), "confidences: not those of"),
        ("metrics/early_exit/mamba-1.json", lambda d: d.update(seed=2), "holds mamba 2, not what its name says"),
    ],
)
def test_cells_that_do_not_belong_together_are_refused(battery_root, asked, path, edit, message):
    change(battery_root, asked, path, edit)
    with pytest.raises(UserError, match=message):
        load_battery(asked, root=battery_root)


def test_a_missing_cell_and_a_left_over_one_are_refused(battery_root, asked, params):
    with pytest.raises(UserError, match=r"tasks/needle-transformer\.json .*left by a battery .* Run: rm "):
        load_battery(params, root=battery_root)
    (battery_root / "metrics/quantise/mamba-2.json").unlink()
    with pytest.raises(UserError, match=r"quantise/mamba-2\.json: not found; the stage 'quantise' makes it"):
        load_battery(asked, root=battery_root)
