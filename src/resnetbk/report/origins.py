"""Where every number of the page came from: the stage, the file, its hash, and the command that makes it anew."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from resnetbk.params import PARAMS_FILE, Params
from resnetbk.report.loading import SCALING_COMMAND, SCALING_FILE
from resnetbk.repro.files import sha256_file, sha256_json

LOCK = "requirements.lock"
SECTIONS = ("run", "tune", "train", "plot")


@dataclass(frozen=True)
class Origin:
    """What a number was read or computed from: a source, and where in its files (keys with dots between them)."""

    source: tuple[str, ...]
    key: str = ""


@dataclass(frozen=True)
class SourceFile:
    """One file, or a section of params.yaml: `stage` is its target in the pipeline; `command` makes it anew, or
    shows who wrote it and when."""

    stage: str
    path: str
    sha256: str
    command: str


@dataclass(frozen=True)
class Source:
    """The files that one number may rest on, a model's seeds for instance, and their id on the page."""

    anchor: str
    files: tuple[SourceFile, ...]


Sources = Mapping[tuple[str, ...], Source]


def load_sources(params: Params, figures: Mapping[str, bytes], *, root: Path) -> Sources:
    """Hash every file that the report shows a number of.

    **Arguments:** `params`: the run's; `figures`: the SVG files by name, which the page draws from and carries;
    `root`: the repository.
    **Returns:** the sources in the order of the pipeline, by the stage and what tells its files apart:
    `("evaluate", "mamba")` are metrics/evaluate/mamba-*.json, `("compare",)` is metrics/comparison.json,
    `("params", "tune")` a section of params.yaml.
    """
    found = {
        source: tuple(_made(root, path, target) for path, target in files) for source, files in _measured(params)
    }
    for name, svg in figures.items():
        path = f"plots/{name}.svg"
        found["plot", name] = (SourceFile("plot", path, sha256(svg).hexdigest(), _repro("plot")),)
    for name in SECTIONS:
        digest = sha256_json(getattr(params, name).model_dump(mode="json"))
        found["params", name] = (_written(f"{PARAMS_FILE}:{name}", str(PARAMS_FILE), digest),)
    collected = sha256_file(root / SCALING_FILE)
    found["scaling",] = (SourceFile("none: collected from commits", SCALING_FILE, collected, SCALING_COMMAND),)
    found["lock",] = (_written(LOCK, LOCK, sha256_file(root / LOCK)),)
    return {
        source: Source(f"from-{number}", files) for number, (source, files) in enumerate(found.items(), start=1)
    }


def by_stage(sources: Sources) -> dict[str, list[Source]]:
    """Return the sources under the stage that makes them, and those written by hand under the file's name."""
    stages: dict[str, list[Source]] = {}
    for source, found in sources.items():
        stages.setdefault({"params": str(PARAMS_FILE), "lock": LOCK}.get(source[0], source[0]), []).append(found)
    return stages


def _measured(params: Params) -> Iterator[tuple[tuple[str, ...], Iterable[tuple[str, str]]]]:
    """Give each source with its files' paths and the targets that make them."""
    models, seeds, asked = params.run.models, params.run.seeds, params.battery
    yield ("prepare",), [("data/corpus/card.json", "prepare")]
    for name in models:
        yield ("audit", name), [(f"metrics/audit/{name}.json", f"audit@{name}")]
    for name in models:
        for rate in params.tune.learning_rates:
            yield ("tune", name, str(rate)), [(f"metrics/tune/{name}/{rate}.json", f"tune@{name}-{rate}")]
    for stage, names, suffix in (
        ("train", models, "jsonl"),
        ("evaluate", models, "json"),
        ("context", asked.context_models, "json"),
        ("quantise", asked.quantise_models, "json"),
        ("early_exit", asked.early_exit_models, "json"),
    ):
        for name in names:
            cells = [f"{name}-{seed}" for seed in seeds]
            yield (stage, name), [(f"metrics/{stage}/{cell}.{suffix}", f"{stage}@{cell}") for cell in cells]
    for task in asked.tasks:
        for name in asked.task_models:
            yield ("task", task, name), [(f"metrics/tasks/{task}-{name}.json", f"task@{task}-{name}")]
    yield ("compare",), [("metrics/comparison.json", "compare")]


def _made(root: Path, path: str, target: str) -> SourceFile:
    return SourceFile(target, path, sha256_file(root / path), _repro(target))


def _repro(target: str) -> str:
    return f"dvc repro --force {shlex.quote(target)}"


def _written(name: str, path: str, digest: str) -> SourceFile:
    return SourceFile("none: written by hand", name, digest, f"git log --patch -- {path}")
