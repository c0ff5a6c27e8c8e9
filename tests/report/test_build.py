"""The report is a function of the measured files: the same bytes anywhere, other bytes when a number moves."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.report.elements import plain

from resnetbk.errors import UserError
from resnetbk.report.build import build_report

PROGRAM = """
import hashlib, json, sys
from pathlib import Path
from resnetbk.params import Params
from resnetbk.report.build import build_report
params = Params.model_validate_json(Path("params.json").read_text())
print(json.dumps({k: hashlib.sha256(v).hexdigest() for k, v in build_report(params).items()}))
"""


def test_bytes_are_the_same_in_another_process_place_and_setting(root: Path, params, built):
    (root / "params.json").write_text(params.model_dump_json())
    # what a reader may have: other hash seed, other locale, other Matplotlib style
    (root / "matplotlibrc").write_text(
        "font.size: 20\nsvg.fonttype: path\naxes.facecolor: red\nlines.linewidth: 9\n"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "12345",
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
        "OMP_NUM_THREADS": "1",
    }
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout) == {k: hashlib.sha256(v).hexdigest() for k, v in built.items()}


def test_no_date_version_or_place_gets_into_the_bytes(built, measured: Path):
    for content in built.values():
        text = content.decode()
        assert str(measured) not in text and "atplotlib" not in text.replace("matplotlib.axis", "")
        assert not re.search(r"\b20\d\d-\d\d-\d\d", text)


def test_svg_files_are_well_formed_described_and_transparent(built):
    for name, content in built.items():
        if name.endswith(".svg"):
            svg = ElementTree.fromstring(content)
            assert svg.get("role") == "img" and len(svg.get("aria-label")) > 100
            assert svg[0].tag.endswith("title") and svg[0].text
            background = svg.find(".//*[@id='patch_1']/*")
            assert "fill: none" in background.get("style")


def test_a_changed_number_shows_where_it_belongs_and_nowhere_else(root, params, built, edit):
    edit("metrics/comparison.json", lambda d: d["comparisons"][0].update(difference=-0.01))
    edit("metrics/comparison.json", lambda d: d["views"]["flops"]["models"]["mamba"].update(step_cost=4e9))
    edit("metrics/evaluate/mamba-1.json", lambda d: d["loss_by_position"][3].update(loss=4.5))
    edit("metrics/tune/mamba/0.002.json", lambda d: d["trials"][0].update(validation_loss=6.0))
    edit("metrics/comparison.json", lambda d: d["views"].update(seconds=d["views"]["flops"]))
    again = build_report(params, root)
    assert {name for name in built if built[name] == again[name]} == {
        "plots/learning_curves.svg",
        "plots/learning_curves.csv",
        "plots/training_loss.csv",
        "plots/state_size.csv",
        "plots/scaling.csv",
        "plots/tasks.csv",
        "plots/windows.csv",
        "plots/receptive_field.csv",
    }
    assert "Matched on seconds: every model when it has spent" in plain(again)
    assert "Validation loss against seconds spent" in again["plots/views.svg"].decode()


def test_smoothing_concerns_the_training_loss_alone(root: Path, params, built):
    other = params.model_copy(update={"plot": params.plot.model_copy(update={"curve_smoothing": 1})})
    again = build_report(other, root)
    assert {name for name in built if built[name] != again[name]} == {
        "plots/learning_curves.svg",
        "plots/training_loss.csv",
        "report/index.html",
    }


def test_tidy_data_holds_the_mean_over_seeds_in_full_precision(built):
    lines = built["plots/learning_curves.csv"].decode().splitlines()
    assert lines[0] == "step,tokens,validation_loss,lowest,highest,model"
    assert len(lines) == 1 + 5 * 6
    step, tokens, loss, lowest, highest, model = lines[6].split(",")
    assert (step, tokens, model) == ("600", "614400", "resnet_bk")
    assert float(loss) == pytest.approx(4.05 + 3.4 * 60 / 660 - 0.3 + 0.02, abs=1e-12)
    assert float(highest) - float(lowest) == pytest.approx(0.04, abs=1e-12)


def test_a_missing_file_is_named_with_its_stage(root: Path, params):
    (root / "metrics/audit/mamba.json").unlink()
    with pytest.raises(UserError, match=r"metrics/audit/mamba\.json: not found; the stage 'audit'"):
        build_report(params, root)
