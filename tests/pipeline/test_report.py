"""What the report shows of the pipeline is true, and other views show the same: `dvc plots`, `mlflow ui`."""

from __future__ import annotations

import hashlib
import html
import json
import re
import socket
import subprocess

import pytest
from tests.pipeline.test_readme import ask
from tests.report.chromium import skip_without_chromium

from resnetbk.benchmark.browser import open_browser


def rows(page: str) -> list[list[str]]:
    """Return stage, path, SHA-256 and command of every file that the page came from."""
    pattern = r'(?s)<tr data-stage="(.*?)">.*?scope="row">(.*?)</th>.*?<code>(.*?)</code>.*?<code>(.*?)</code>'
    return [[html.unescape(part) for part in row] for row in re.findall(pattern, page)]


@pytest.mark.nightly
def test_the_command_beside_a_number_makes_its_file_anew(done):
    found = rows(done.read("report/index.html"))
    wanted = {"metrics/evaluate/", "metrics/audit/", "metrics/comparison.json", "plots/views.svg"}
    for start in wanted:
        stage, path, digest, command = next(row for row in found if row[1].startswith(start))
        file = done.path / path
        file.unlink()
        done.run(f"{command} --single-item")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest, (stage, path)
    assert done.run("git status --porcelain dvc.lock").stdout == ""


@pytest.mark.nightly
def test_dvc_draws_every_figure_with_the_project_s_templates(done):
    shown = json.loads(done.run("dvc plots show --json --split 2> /dev/null").stdout)["data"]
    drawn = {name.split("::")[-1]: plots for name, plots in shown.items()}
    for name in (
        "learning_curves",
        "training_loss",
        "loss_by_position",
        "learning_rates",
        "comparison",
        "operations",
    ):
        (plot,) = (found for key, found in drawn.items() if key.endswith(f"{name}.csv"))
        content = plot[0]["content"]
        template = {"comparison": "forest", "learning_rates": "trials"}.get(name, "models")
        source = json.loads(done.read(f".dvc/plots/{template}.json"))
        assert content.keys() == source.keys()
        assert len(json.dumps(plot[0]["anchor_definitions"]["<DVC_METRIC_DATA>"])) > 100


@pytest.mark.nightly
def test_mlflow_ui_shows_the_runs_in_a_browser(done):
    skip_without_chromium()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host = f"http://127.0.0.1:{port}"
    command = [done.path / ".venv/bin/mlflow", "ui", "--backend-store-uri", "sqlite:///mlflow.db"]
    command += ["--port", str(port), "--workers", "1"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=done.path, stdout=quiet, stderr=quiet)
    try:
        runs = [run for run in ask(f"{host}/api/2.0/mlflow", server) if not is_child(run)]
        experiment = runs[0]["info"]["experiment_id"]
        names = {run["info"]["run_name"] for run in runs if run["info"]["experiment_id"] == experiment}
        with open_browser() as browser:
            page = browser.new_page()
            page.goto(f"{host}/#/experiments/{experiment}/runs")
            for name in names:
                page.get_by_text(name, exact=True).first.wait_for(timeout=120_000)
            assert not page.get_by_text("no such run", exact=True).count()  # the control
    finally:
        server.terminate()
        server.wait()


def is_child(run: dict) -> bool:
    return any(tag["key"] == "mlflow.parentRunId" for tag in run["data"]["tags"])
