"""Why two runs may differ: what went into them that is not the same. Code, params, data, environment, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from resnetbk.replay.differences import ABSENT, Difference, json_differences
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.recorded import RecordedCell
from resnetbk.tracking.run import flatten

READ_BY_A_CELL = ("prepare", "audit", "tune", "train", "evaluate")  # sections of params.yaml
RUN_KEYS = ("parameter_budget", "determinism", "kernels")  # of its section run
NOT_A_CAUSE = ("git", "memory_bytes")  # git is told by the code's hashes


class Cause(NamedTuple):
    """One kind of cause and everything of that kind that differs, the first run's first."""

    kind: str
    differences: list[Difference]


def causes(first: RecordedCell, second: RecordedCell) -> list[Cause]:
    """Return code, params, data and environment, each with what differs of it in two runs."""
    return [
        Cause("code", list(_code(first, second))),
        Cause("params", list(_leaves(_params(first), _params(second)))),
        Cause("data", list(_leaves(_data(first), _data(second)))),
        Cause("environment", list(_environments(first, second))),
    ]


def _code(first: RecordedCell, second: RecordedCell) -> Iterator[Difference]:
    """Compare the files that each stage imported; a file that two stages imported is told once."""
    told: set[str] = set()
    for stage in ("train", "evaluate"):
        a, b = first.code(stage), second.code(stage)
        if a is None or b is None:
            continue
        for path in sorted(a.keys() | b.keys()):
            one, two = a.get(path, ABSENT), b.get(path, ABSENT)
            if one != two and path not in told:
                told.add(path)
                yield Difference(path, one, two, f"imported by {stage}")


def _params(run: RecordedCell) -> dict[str, Any]:
    """Return the leaves of params.yaml that a cell reads, its own model's under the one name `model`."""
    try:
        params = yaml.safe_load(run.text("params.yaml"))
        read = {section: params.get(section) for section in READ_BY_A_CELL}
        read |= {"run": {key: params["run"].get(key) for key in RUN_KEYS}}
        read |= {"model": run.model, "seed": run.seed, f"models.{run.model}": params["models"][run.model]}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise NotCheckable(
            f"run {run.run_id}: its params.yaml is damaged ({' '.join(str(error).split())})"
        ) from None
    return flatten(read)


def _data(run: RecordedCell) -> dict[str, Any]:
    """Return the leaves of the data card, and the hashes of the files that training and evaluation read."""
    read = {"trained on": run.manifest["data"], "tested on": run.evaluation["data"]}
    return flatten({"card.json": run.card}) | flatten(read)


def _environments(first: RecordedCell, second: RecordedCell) -> Iterator[Difference]:
    """Compare the environments of the trainings; those of the evaluations where they add something."""
    told: set[str] = set()
    for stage in ("train", "evaluate"):
        pair = [run.environment(stage) or run.provenance for run in (first, second)]
        leaves = [flatten({key: value for key, value in each.items() if key not in NOT_A_CAUSE}) for each in pair]
        for difference in _leaves(*leaves):
            if difference.place not in told:
                told.add(difference.place)
                yield difference


def _leaves(first: dict[str, Any], second: dict[str, Any]) -> Iterator[Difference]:
    for name in [*first, *(name for name in second if name not in first)]:
        yield from json_differences(name, first.get(name, ABSENT), second.get(name, ABSENT))
