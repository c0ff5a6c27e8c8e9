"""The negative controls of the checks: what is broken, how, and what the check says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.repro.validation.breakages import (
    TRAINING,
    also_in_lock,
    append,
    broken_yaml,
    change,
    commit_weights,
    constant_seeds,
    edit_after_the_run,
    remove,
    stage_that_was_removed,
    without_control,
    without_tests,
)

SAME = ("test_the_same_seed_gives_the_same_bits", "test_the_seed_decides_the_rows")
LOOP = "    for step in range(1, settings"
CONTROLS: list[tuple[str, str, Callable[[Path], None], str]] = [
    ("required files", "no README", remove("README.md"), "README.md is missing"),
    ("required files", "no dvc.lock", remove("dvc.lock"), "dvc.lock is missing"),
    ("required files", "no lock", remove("requirements.lock"), "requirements.lock is missing"),
    ("required files", "broken YAML", broken_yaml, "params.yaml:1: not YAML"),
    ("required folders", "no tests", remove("tests"), "tests/ is missing"),
    ("required folders", "no metrics", remove("metrics"), "metrics/ is missing"),
    ("required folders", "broken Python", append("tests/test_data.py", "def ("), "test_data.py:25: not Python"),
    ("commands in the README", "no such target", append("README.md", "`make coffee`"), "make coffee"),
    ("commands in the README", "no tests", change("README.md", "test", "exam"), "runs the tests"),
    ("continuous integration", "none", remove(".github"), "nothing runs the tests"),
    ("continuous integration", "no tests", change(".github/workflows/ci.yml", "make test", "true"), "the tests"),
    ("data and weights outside git", "weights", commit_weights, "models/network.safetensors: committed"),
    ("data and weights outside git", "not ignored", remove("data/.gitignore"), "data/rows: made by a stage"),
    ("every package pinned", "a range", append("requirements.lock", "left-pad>=1\n"), "left-pad>=1 is not pinned"),
    ("every package pinned", "a star", append("requirements.lock", "left-pad==1.*\n"), "is not pinned"),
    (
        "every package pinned",
        "a branch",
        append("requirements.lock", "a @ git+https://b.org/a@main\n"),
        "a commit",
    ),
    ("every package pinned", "a path", append("requirements.lock", "-e ../a\n"), "is no requirement"),
    ("every package pinned", "one left out", change("pyproject.toml", '"dvc",', '"dvc", "left-pad",'), "left-pad"),
    ("Python declared", "not", change("pyproject.toml", "requires-python", "# "), "requires-python is missing"),
    ("Python declared", "another in the image", change("Dockerfile", "python:3.", "python:2.9"), "Python 2.9"),
    (
        "base image pinned",
        "latest",
        change("Dockerfile", "FROM python:", "FROM alpine:latest AS a\nFROM python:"),
        "alpine:latest",
    ),
    (
        "base image pinned",
        "no tag",
        change("Dockerfile", "FROM python:", "FROM alpine AS a\nFROM python:"),
        "alpine has no",
    ),
    ("base image pinned", "no lock", change("Dockerfile", "requirements.lock", ""), "does not install"),
    (
        "dependencies exist",
        "none there",
        also_in_lock(
            "train",
            "- data/rows\n    params:\n      - run\n      - train\n",
            "- data/rows\n      - src/my_study/absent.py\n    params:\n      - run\n      - train\n",
        ),
        "train: no file src/my_study/absent.py",
    ),
    (
        "dependencies exist",
        "no such key",
        also_in_lock("evaluate", "- train.width", "- train.breadth"),
        "evaluate: params.yaml has no key train.breadth",
    ),
    (
        "dependencies exist",
        "DVC cannot read it",
        change("dvc.yaml", "cmd: python -m stages.train", "order: python -m stages.train"),
        "dvc.yaml: ",
    ),
    (
        "scripts are dependencies",
        "left out",
        also_in_lock("train", "      - stages/train.py\n", ""),
        "stages/train.py",
    ),
    (
        "dvc.lock in step",
        "another command",
        change("dvc.yaml", "python -m stages.train", "python  -m stages.train"),
        "train: another command",
    ),
    (
        "dvc.lock in step",
        "one more dep",
        change("dvc.yaml", "- stages/train.py", "- stages/train.py\n      - pyproject.toml"),
        "train: another list of deps",
    ),
    (
        "dvc.lock in step",
        "a stage gone",
        stage_that_was_removed,
        "before is no stage",
    ),
    (
        "dvc.lock in step",
        "a stage never run",
        change("dvc.yaml", "stages:\n", "stages:\n  last:\n    cmd: 'true'\n"),
        "last has never run",
    ),
    (
        "files as in dvc.lock",
        "an edit",
        edit_after_the_run,
        TRAINING,
    ),
    (
        "files as in dvc.lock",
        "a metric",
        lambda project: (project / "metrics/test.json").write_text("{}"),
        "test.json",
    ),
    (
        "params used",
        "no code",
        change("params.yaml", "  width:", "  depth: 2\n  width:"),
        "train.depth is read by no code",
    ),
    ("params used", "no stage", append("params.yaml", "\nother:\n  width: 3\n"), "other.width is no stage's"),
    (
        "seed reaches a generator",
        "another number",
        constant_seeds,
        "seed arrives at no generator",
    ),
    (
        "no unseeded draw",
        "numpy",
        change("src/my_study/data.py", "    return x,", "    np.random.shuffle(x)\n    return x,"),
        "src/my_study/data.py:13: np.random.shuffle",
    ),
    (
        "no unseeded draw",
        "an alias",
        change(
            "src/my_study/data.py",
            "    return x,",
            "    from numpy import random as r\n    r.rand(3)\n    return x,",
        ),
        "data.py:14: r.rand",
    ),
    (
        "no unseeded draw",
        "random",
        change(
            "src/my_study/params.py", "    return yaml", "    import random\n    random.random()\n    return yaml"
        ),
        "random.random",
    ),
    (
        "no unseeded draw",
        "torch",
        change("stages/evaluate.py", "    constant =", "    torch.rand(3)\n    constant ="),
        "stages/evaluate.py:26: torch.rand",
    ),
    (
        "no unseeded draw",
        "no seed",
        change("src/my_study/data.py", "    return x,", "    np.random.default_rng()\n    return x,"),
        "default_rng() without a seed",
    ),
    (
        "level before NumPy and torch",
        "at the top",
        change("stages/train.py", "from my_study.params", "import torch\nfrom my_study.params"),
        "stages/train.py:5: imports torch",
    ),
    (
        "level before NumPy and torch",
        "by another",
        change("src/my_study/params.py", "import yaml", "import numpy\nimport yaml"),
        "params.py:8: imports numpy",
    ),
    (
        "level before NumPy and torch",
        "never",
        change("stages/prepare.py", '    pin_environment(params["run"]["determinism"])\n', ""),
        "imports numpy",
    ),
    (
        "level promises bits",
        "fast",
        change("params.yaml", "determinism: portable", "determinism: fast"),
        "run.determinism",
    ),
    (
        "deterministic algorithms",
        "not asked for",
        change("stages/evaluate.py", '    enforce(params["run"]["determinism"])\n', ""),
        "stages/evaluate.py",
    ),
    (
        "deterministic algorithms",
        "others asked for",
        change(TRAINING, LOOP, "    torch.use_deterministic_algorithms(False)\n" + LOOP),
        "(False)",
    ),
    ("bits compared in a test", "none", without_tests(*SAME), "computes something twice"),
    (
        "negative control in a test",
        "none",
        without_control,
        "other bits",
    ),
]
