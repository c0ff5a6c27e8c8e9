"""Puts together what DVC, the processes and the journals say."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from resnetbk.errors import UserError
from resnetbk.params import Params, load_params
from resnetbk.tracking.journals import CLOCK_SLACK
from resnetbk.watch.graph import Graph
from resnetbk.watch.processes import Process, running_stages
from resnetbk.watch.snapshot import Cell, Tree, trains
from resnetbk.watch.trainings import Training, Trainings


class Watcher:
    """Watches the repository at `root` and the copies of it in which experiments run.

    **Raises:** `UserError` when `root` is no such repository.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._trainings = Trainings(self._root)
        self._titles = {self._root: "this repository"}
        self._graphs: dict[Path, tuple[Graph, Params]] = {}
        if not (self._root / "dvc.yaml").is_file():
            raise UserError(f"{self._root}: no dvc.yaml here; run from the repository's root")

    def look(self) -> list[Tree]:
        """Return the repository, then each copy in which something has been seen to run, while it is there.

        **Raises:** `UserError` when the repository's dvc.yaml or params.yaml cannot be read.
        """
        processes = running_stages(self._root)
        for process in processes:
            self._titles.setdefault(process.tree, f"experiment {process.experiment or process.tree.name}")
        trainings = self._trainings.look()
        trees = []
        for path, title in list(self._titles.items()):
            try:
                graph, params = self._graph(path)
                here = [process for process in processes if process.tree == path]
                trees.append(Tree(title, tuple(_cells(graph, params, here, trainings))))
            except (UserError, OSError):  # DVC is making its copy, or taking it away
                if path == self._root:
                    raise
                if not path.is_dir():
                    del self._titles[path]
        return trees

    def _graph(self, path: Path) -> tuple[Graph, Params]:
        from dvc.exceptions import DvcException

        known = self._graphs.get(path)
        if known is None or known[0].outdated:
            try:
                known = self._graphs[path] = Graph(path), load_params(path / "params.yaml")
            except (DvcException, FileNotFoundError) as error:
                if known is None or not (path / "dvc.yaml").is_file():
                    raise UserError(f"{path}: DVC cannot read it: {error}") from error
        return known  # what was read before, while DVC writes dvc.lock, in place, or takes an out away


def _cells(graph: Graph, params: Params, processes: list[Process], trainings: list[Training]) -> list[Cell]:
    done = graph.done()
    running = {process.arguments: process for process in processes}
    cells = []
    for name, stage in graph.stages.items():
        process = running.get(tuple(shlex.split(stage.cmd)[2:]))  # after `python -m`
        kind = name.split("@")[0]
        if process:
            cells.append(Cell(name, "running", since=process.since, training=_training(name, process, trainings)))
        elif name in done:
            cells.append(Cell(name, "done", result=_result(stage.outs) if kind == "train" else None))
        else:
            expected = _expected(name, params, trainings) if trains(kind) else None
            cells.append(Cell(name, "waiting", expected=expected))
    return cells


def _training(name: str, process: Process, trainings: list[Training]) -> Training | None:
    """Return the last training that a running process has begun; `tune` does one after another."""
    for training in reversed(trainings):
        since = training.begin["time"] + CLOCK_SLACK
        if training.stage == name and since >= process.since and training.tree() == process.tree:
            return training
    return None


def _result(outs: list[Any]) -> float | None:
    """Return the last validation loss of a training's history, one of its outs."""
    history = next(out.fs_path for out in outs if out.fs_path.endswith(".jsonl"))
    try:
        text = Path(history).read_text(encoding="utf-8")
    except FileNotFoundError:  # the cell has just begun anew
        return None
    rows = map(json.loads, text.splitlines())
    losses = [row["validation_loss"] for row in rows if "validation_loss" in row]
    return losses[-1] if losses else None


def _expected(name: str, params: Params, trainings: list[Training]) -> float | None:
    """Return the seconds of a training to come, at the pace of the last of the same model and size of step."""
    kind, cell = name.split("@")
    model = cell.rsplit("-", 1)[0]
    steps = params.train.steps if kind == "train" else params.tune.steps * len(params.tune.weight_decays)
    for training in reversed(trainings):
        begin, pace = training.begin, training.seconds_per_step
        if begin["model"] == model and begin["tokens_per_step"] == params.train.tokens_per_step and pace:
            return steps * pace
    return None
