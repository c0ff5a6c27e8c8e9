"""A small project that is this repository in all but its parameters, run for real."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WORDS = (
    "river stone light winter house garden letter music number window little green old sings holds finds".split()
)


@dataclass(frozen=True)
class Project:
    """A working copy with a git history, whose pipeline takes a minute."""

    path: Path

    def run(self, command: str, *, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in the project, as a user in the project's environment would."""
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=self.path,
            env=self.environment() | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not check or result.returncode == 0, f"{command}\n{result.stdout}"
        return result

    def environment(self) -> dict[str, str]:
        """Return the environment of a user in the project: nothing of this test run, no tracking server."""
        outer = ("DVC_", "MLFLOW_", "PYTEST_", "RESNETBK_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        return kept | {"PATH": f"{self.path}/.venv/bin:{os.environ['PATH']}"}

    def read(self, path: str) -> str:
        return (self.path / path).read_text(encoding="utf-8")

    def set(self, key: str, value: object) -> None:
        """Set one parameter, named with dots, in params.yaml."""
        yaml, path = YAML(), self.path / "params.yaml"
        params = yaml.load(path.read_text(encoding="utf-8"))
        *sections, last = key.split(".")
        section = params
        for name in sections:
            section = section[name]
        section[last] = value
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(params, file)

    def copied(self, target: Path) -> Project:
        """Copy the project after its run; its MLflow is told where its artifacts now lie."""
        shutil.copytree(self.path, target, symlinks=True)
        with sqlite3.connect(target / "mlflow.db") as database:
            (place,) = database.execute(
                "SELECT artifact_location FROM experiments WHERE name LIKE 'resnetbk/%'"
            ).fetchone()
            now = (target / "mlruns").as_uri()
            database.execute(
                "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)", (place, now)
            )
            database.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)", (place, now))
        return Project(target)

    def ran(self, output: str) -> list[str]:
        """Return the stages that a `dvc repro` says it ran."""
        return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def copy_repository(path: Path) -> Project:
    """Copy the files that git knows or would take, with small parameters, and commit them."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for name in listed:
        if name != "dvc.lock" and not name.startswith("plots/") and (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    (path / ".venv").symlink_to(sys.prefix)
    project = Project(path)
    write_corpus(path / "texts.jsonl")
    shrink(path / "params.yaml", hashlib.sha256((path / "texts.jsonl").read_bytes()).hexdigest())
    project.run("resnetbk plan register")
    project.run("git init -q -b main && git config user.name Test && git config user.email test@example.com")
    project.run("echo .venv >> .git/info/exclude && git add -A && git commit -qm 'Start'")
    return project


def write_corpus(path: Path) -> None:
    """Write forty documents of words drawn by chance, each word more likely after its neighbour in the list."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(40):
            place, text = draw.randrange(len(WORDS)), []
            for _ in range(draw.randrange(60, 120)):
                place = (place + draw.choice([1, 1, 1, 5])) % len(WORDS)
                text.append(WORDS[place])
            file.write(json.dumps({"text": " ".join(text)}) + "\n")


def shrink(path: Path, sha256: str) -> None:
    """Overlay params.yaml with a corpus, two models and a training that take seconds."""
    yaml = YAML()
    params = yaml.load(path.read_text(encoding="utf-8"))
    params["run"].update(models=["resnet_bk", "mamba"], seeds=[0], parameter_budget=60_000)
    params["prepare"]["corpus"] = {
        "kind": "file",
        "path": "texts.jsonl",
        "sha256": sha256,
        "format": "jsonl",
        "licence": "none needed",
    }
    params["prepare"]["tokenizer"]["vocabulary_size"] = 300
    params["models"]["resnet_bk"].update(layers=1, heads=4)
    params["models"]["mamba"].update(layers=1)
    params["audit"]["length"] = 24
    params["tune"].update(
        learning_rates=[6e-3], weight_decays=[0.1], steps=2, warmup_steps=1, validation_batches=1
    )
    params["train"].update(
        steps=8,
        batch_size=2,
        length=32,
        warmup_steps=2,
        validation_interval=4,
        validation_batches=2,
        log_interval=2,
        checkpoint_interval=3,
    )
    params["evaluate"].update(length=32, position_bucket=8)
    params["compare"].update(resamples=1000)
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
