"""Make a recorded run again and compare its bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from resnetbk.replay.corpus import bring_corpus
from resnetbk.replay.differences import Difference, Result, json_differences, result_differences
from resnetbk.replay.environment import require_packages, unpromised
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.fetch import fetched
from resnetbk.replay.git import top_level
from resnetbk.replay.recorded import RecordedCell
from resnetbk.replay.rerun import before_training, run_stage
from resnetbk.replay.restore import restore, unlike
from resnetbk.replay.worktree import worktree
from resnetbk.repro.difference import environment_at, why_bits_differ
from resnetbk.repro.files import sha256_file, sha256_json
from resnetbk.repro.repository import main_root
from resnetbk.tracking.cell import measured

IDENTICAL, DIFFERENT = 0, 1  # exit codes; 2 is that of NotCheckable


@dataclass(frozen=True)
class Verdict:
    """What a replay found: `differences` from the recorded run, in the order in which one leads to the next."""

    run: RecordedCell
    differences: list[Difference]
    reasons: list[str] = field(default_factory=list)  # why the bits may differ here; empty: nothing recorded does

    @property
    def exit_code(self) -> int:
        return DIFFERENT if self.differences else IDENTICAL

    def __str__(self) -> str:
        if not self.differences:
            return f"IDENTICAL: run {self.run.title}: audit, weights, history, evaluation, bit for bit"
        more = f"\n{len(self.differences) - 1} more follow from there" if self.differences[1:] else ""
        why = "".join(f"\nit may be because {reason}" for reason in self.reasons)
        return f"DIFFERENT: run {self.run.title}, recorded and replayed, first in {self.differences[0]}{more}{why}"


def replay(
    run_id: str, *, uri: str | None = None, keep: bool = False, say: Callable[[str], None] = print
) -> Verdict:
    """Make a run again from its commit, diff, params and data, and compare all that it left.

    **Arguments:** `run_id`: MLflow's id or the start of one; `uri`: the tracking URI, None for that of this
    repository; `keep`: leave the worktree for a look; `say`: told what is done.
    **Returns:** the verdict.
    **Raises:** `NotCheckable` when the run cannot be had, or not be made again from what was recorded.
    """
    with fetched(run_id, uri=uri) as (run,):
        repository = top_level(main_root())
        say(f"run {run.title}: commit {run.commit[:12]}{' with its recorded diff' if run.diff else ''}")
        require_packages(run)
        with worktree(repository, run.commit, keep=keep) as tree:
            for note in restore(tree, run, repository):
                say(f"note: {note}")
            say("code, requirements.lock and packages are the run's")
            say(f"data: the run's, from {bring_corpus(tree, run, repository)}")
            return _replay_in(tree, run, repository)


def _replay_in(tree: Path, run: RecordedCell, repository: Path) -> Verdict:
    """Run the stages of the cell in its restored tree and judge what they left."""
    before_training(tree, run.model)
    run_stage(tree, "train", model=run.model, seed=run.seed)
    other = unlike(tree, run.code("evaluate") or {})
    if not other:
        run_stage(tree, "evaluate", model=run.model, seed=run.seed)
    differences = list(compare(run, tree, repository, evaluated=not other))
    if differences and (why := unpromised(run)):
        raise NotCheckable(f"the bits differ, first in {differences[0]}; but {why}")
    if other and not differences:
        raise NotCheckable(
            f"run {run.run_id}: its weights and history are the same, bit for bit; but it was evaluated by other "
            f"code than its training's commit and diff hold: {', '.join(other[:5])}"
        )
    return Verdict(run, differences, _reasons(run) if differences else [])


def compare(run: RecordedCell, tree: Path, repository: Path, *, evaluated: bool = True) -> Iterator[Difference]:
    """Compare what a run recorded with what its cell left in a tree.

    **Arguments:** `repository`: may still hold the run's weights, so that a difference can be measured;
    `evaluated`: whether the tree holds an evaluation.
    **Yields:** the differences of its files, then of what MLflow shows beside them, recorded first.
    """
    made = _result(tree, run, evaluated)
    recorded = Result(
        run.manifest, run.history, run.evaluation if evaluated else {}, run.audit, _weights(run, repository)
    )
    yield from result_differences(recorded, made)
    tags = {
        "weights_sha256": made.manifest["final_weights"],
        "code_sha256": sha256_json(made.manifest["code"]),
        **{f"data_sha256.{split}": digest for split, digest in made.manifest["data"].items()},
    }
    if evaluated:
        tags["data_sha256.test"] = made.evaluation["data"]
    yield from json_differences("MLflow tag", {name: run.tags.get(name) for name in tags}, tags)
    if evaluated:
        yield from _metric_differences(run, made)


def _metric_differences(run: RecordedCell, made: Result) -> Iterator[Difference]:
    """Compare the metrics that MLflow shows with those that follow from the files of a result."""
    points: dict[str, dict[str, float]] = {}
    for point in measured(made.history, made.evaluation):
        points.setdefault(point.name, {})[str(point.step)] = float(point.value)
    for name, values in points.items():
        shown = {str(step): value for step, value in run.points.get(name, [])}
        yield from json_differences(f"MLflow metric {name} step", shown, values)


def _reasons(run: RecordedCell) -> list[str]:
    """Return how this machine, at the run's level of determinism, differs from the one that made it."""
    return why_bits_differ(run.provenance, environment_at(run.manifest["determinism"], main_root()))


def _result(tree: Path, run: RecordedCell, evaluated: bool) -> Result:
    def read(path: str) -> str:
        return (tree / path).read_text(encoding="utf-8")

    return Result(
        manifest=json.loads(read(f"models/{run.cell}/manifest.json")),
        history=[json.loads(line) for line in read(f"metrics/train/{run.cell}.jsonl").splitlines()],
        evaluation=json.loads(read(f"metrics/evaluate/{run.cell}.json")) if evaluated else {},
        audit=json.loads(read(f"metrics/audit/{run.model}.json")),
        weights=tree / f"models/{run.cell}/weights.safetensors",
    )


def _weights(run: RecordedCell, repository: Path) -> Path | None:
    """Return the run's own weights if the repository still holds them; MLflow has their hash alone."""
    name = f"models/{run.cell}/weights.safetensors"
    path = repository / name
    recorded = run.manifest["files"].get(name)
    return path if path.is_file() and sha256_file(path) == recorded else None
