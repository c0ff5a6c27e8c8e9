"""Every command that the README shows is run, in its order, where the first of them has run from nothing."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from tests.pipeline.project import ROOT, Project

from resnetbk.tracking.journals import open_journals, read_journal

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(language: str) -> list[str]:
    """Return the lines of the README's blocks in a language, or in none, without their comments."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)
    lines = [line for found, block in blocks if found == language for line in block.splitlines()]
    return [line.split(" #")[0].strip() for line in lines if line.strip()]


COMMANDS = commands("sh")
LONG = commands("")  # what trains several times
SERVER = re.compile(r"^mlflow ui ")
# `make test` would run this very test: there it runs one file of tests. The whole, and then `make verify`, is what
# CI runs.
INSTEAD = {
    "make verify": "make --dry-run verify",
    # The preset names the models and seeds of the default, which are not this project's.
    "resnetbk preset use propagator": (
        "cp params.yaml before.yaml && resnetbk preset use propagator && mv before.yaml params.yaml"
    ),
    "make test": "PYTEST_ADDOPTS='--override-ini=testpaths=tests/repro/test_files.py' make test",
}


@pytest.fixture(scope="module")
def readme_project(done: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return done.copied(tmp_path_factory.mktemp("readme") / "project")


def test_the_readme_shows_the_two_commands_first():
    assert COMMANDS[:2] == ["make reproduce", "make test"]


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=COMMANDS)
def test_command(readme_project: Project, number: int):
    command = COMMANDS[number]
    if SERVER.match(command):
        assert_ui_shows_runs(readme_project, command)
        return
    output = readme_project.run(INSTEAD.get(command, command)).stdout
    if command == "make reproduce":  # for the second time
        assert "Data and pipelines are up to date." in output
    if command.startswith("dvc exp run --set-param"):
        assert '"state_size": 8' in readme_project.read("models/mamba-0/manifest.json")
        changed = ["audit@mamba", "tune@mamba-0.006", "train@mamba-0", "evaluate@mamba-0"]
        ran = readme_project.ran(output)
        assert ran == [*changed, "compare", "plot", "track"], "the parameters of one model run that model alone"
        begun = [read_journal(path)[0][0] for path in open_journals(readme_project.path)]
        sizes = {begin["params"]["models"]["mamba"]["state_size"] for begin in begun if begin["experiment"]}
        assert sizes == {8}, "a live run of an experiment shows its own parameters"
    if command.startswith("dvc queue start"):
        wait_for_queue(readme_project)


@pytest.mark.nightly
def test_commands_that_take_long(done: Project, tmp_path: Path):
    project = done.copied(tmp_path / "project")
    assert [command.split()[1] for command in LONG] == ["sweep", "sweep", "replay", "explain"]
    search, show, replay, explain = LONG
    project.run(search)
    assert {"rates-0", "rates-1", "rates-2"} <= set(project.run(show).stdout.split())
    with sqlite3.connect(project.path / "mlflow.db") as database:
        query = "SELECT run_uuid FROM runs WHERE name = 'resnet_bk-0' ORDER BY start_time"
        first, *others = [run_id for (run_id,) in database.execute(query)]
    assert "IDENTICAL" in project.run(replay.replace("RUN_ID", first)).stdout
    explained = project.run(explain.replace("RUN_A", others[0]).replace("RUN_B", others[1]), check=False)
    assert explained.returncode == 1 and "train.learning_rate" in explained.stdout, explained.stdout


def wait_for_queue(project: Project) -> None:
    """Wait until the queue's workers have finished, and check that they have not failed."""
    for _ in range(60):
        time.sleep(5)  # each question costs DVC's start
        status = project.run("dvc queue status").stdout
        if "Queued" not in status and "Running" not in status:
            assert status.count("Success") == 2, project.run(
                "dvc queue logs $(dvc queue status | awk 'NR==2{print $1}')"
            ).stdout
            return
    raise AssertionError(f"the queue did not finish:\n{status}")


def assert_ui_shows_runs(project: Project, command: str) -> None:
    """Start the real server and ask it, over HTTP, for the runs of every cell and experiment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [f"{project.path}/.venv/bin/mlflow", *command.split()[1:], "--port", str(port), "--workers", "1"],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        runs = ask(f"http://127.0.0.1:{port}/api/2.0/mlflow", server)
    finally:
        server.terminate()
        server.wait()
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in runs]
    assert {"resnet_bk", "mamba"} <= {tag.get("model") for tag in tags}
    experiments = {tag.get("dvc_exp_name") for tag in tags} - {None, ""}
    assert len(experiments) >= 3, experiments  # one from `dvc exp run`, two from the queue


def ask(url: str, server: subprocess.Popen) -> list[dict]:
    """Return all runs of all experiments, once the server answers."""
    for _ in range(120):
        assert server.poll() is None, "mlflow ui has stopped"
        try:
            found = post(f"{url}/experiments/search", {"max_results": 100})
        except OSError:
            time.sleep(0.5)
            continue
        identifiers = [experiment["experiment_id"] for experiment in found["experiments"]]
        return post(f"{url}/runs/search", {"experiment_ids": identifiers, "max_results": 1000})["runs"]
    raise AssertionError("mlflow ui did not answer within a minute")


def post(url: str, body: dict) -> dict:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing
