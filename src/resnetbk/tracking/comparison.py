"""The comparison's run: numbers as metrics, words as tags, the report and the figures as artifacts."""

from __future__ import annotations

from resnetbk.params import Params
from resnetbk.repro.files import sha256_file, sha256_json
from resnetbk.tracking.origin import origin_files, origin_tags
from resnetbk.tracking.pipeline_run import PARENT, PipelineRun
from resnetbk.tracking.run import Point, TrackedRun, as_name, as_text, flatten, read_json
from resnetbk.tracking.source import Source

_SUMMARY = "metrics/summary.json"
_FILES = (_SUMMARY, "metrics/comparison.json", "metrics/baselines.json", "report/index.html", "dvc.lock")
_FOLDERS = ("plots",)


def read_comparison(params: Params, *, source: Source, asked: PipelineRun) -> TrackedRun:
    """Gather what MLflow is to show of the comparison of all cells.

    **Arguments:** `source`: the tree with metrics/, plots/ and report/; `asked`: the pipeline run.
    **Raises:** `UserError` when metrics/summary.json is missing or broken.
    """
    root = source.root
    leaves = {as_name(name): leaf for name, leaf in flatten(read_json(root / _SUMMARY), lists=True).items()}
    numbers = {name: leaf for name, leaf in leaves.items() if type(leaf) in (int, float)}
    words = {name: as_text(leaf) for name, leaf in leaves.items() if name not in numbers and leaf is not None}
    artifacts = {name: root / name for name in _FILES if (root / name).is_file()}
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                artifacts[path.relative_to(root).as_posix()] = path
    contents = {name: sha256_file(path) for name, path in artifacts.items() if name != "dvc.lock"}
    return TrackedRun(
        name=PARENT,
        key=sha256_json(contents),
        tags={
            **words,
            "models": ", ".join(params.run.models),
            "seeds": ", ".join(map(str, params.run.seeds)),
            "dvc_stage": "compare plot",
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": "dvc.yaml:compare",
            **asked.tags,
            **origin_tags(source.provenance),
            "provenance": source.found,
        },
        params={name: as_text(leaf) for name, leaf in flatten(params.model_dump(mode="json")).items()},
        points=[Point(name, value) for name, value in numbers.items()],
        artifacts={**artifacts, **origin_files(source.provenance)},
    )
