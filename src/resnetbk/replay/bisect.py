"""Where two trainings part: the first step after which their state differs, then the first tensor of that step.

Both are run again in worktrees of their own, watched from outside (see `recorder`). First as far as their
histories say that they must, with a hash of weights, gradients and moments at every step; then up to the first
step whose hash differs, of which every tensor is kept: module outputs, gradients, what the optimiser is given and
leaves.
That step's tensors must fit into memory and the temporary folder.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from resnetbk.replay.corpus import bring_corpus
from resnetbk.replay.environment import other_packages
from resnetbk.replay.errors import NotCheckable
from resnetbk.replay.git import top_level
from resnetbk.replay.recorded import RecordedCell
from resnetbk.replay.rerun import before_training, run_in
from resnetbk.replay.restore import restore
from resnetbk.replay.worktree import worktree
from resnetbk.repro.distance import distance
from resnetbk.repro.leaves import leaf
from resnetbk.repro.repository import main_root

RECORDER = Path(__file__).with_name("recorder.py")
STEPS_ONLY = -1  # the recorder's DETAIL


@dataclass(frozen=True)
class Parting:
    """The first tensor that differs: in which step (1-based; 0 before any), which way, what it is, how far apart.

    `direction` is one of input, forward, backward, optimiser and initialisation.
    """

    step: int
    direction: str
    tensor: str
    distance: str

    def __str__(self) -> str:
        where = f"step {self.step}, {self.direction}" if self.step else "before the first step"
        return f"They part at {where}: {self.tensor}: {self.distance}"


def bisect(first: RecordedCell, second: RecordedCell) -> Parting | str:
    """Run two cells again side by side and find the first tensor that differs.

    **Returns:** the tensor; or words when the trainings do not differ, or not on this machine.
    **Raises:** `NotCheckable` when one of them cannot be run again from its record.
    """
    until = _steps_needed(first, second)
    if until is None:
        return "The trainings are identical to the last bit: the runs part in the evaluation."
    repository = top_level(main_root())
    with ExitStack() as stack:
        trees = []
        for run in (first, second):
            if other := other_packages(run):
                print(f"note: run {run.title} was made with other packages: {', '.join(other)}", file=sys.stderr)
            trees.append(stack.enter_context(worktree(repository, run.commit)))
            for note in restore(trees[-1], run, repository):
                print(f"note: run {run.title}: {note}", file=sys.stderr)
            bring_corpus(trees[-1], run, repository)
            before_training(trees[-1], run.model)
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="resnetbk-bisect-")))
        places = [out / "A", out / "B"]
        hashes = [
            _states(_watch(tree, run, place, until, STEPS_ONLY))
            for tree, run, place in zip(trees, (first, second), places, strict=True)
        ]
        pairs = enumerate(zip(*hashes, strict=False))
        step = next((number for number, (a, b) in pairs if a != b), None)
        if step is None:
            return (
                f"Run again here, both have the same weights, gradients and moments after each of {until} steps: "
                "what differs is not in their code, params or data, but in what they were run on."
            )
        for tree, run, place in zip(trees, (first, second), places, strict=True):
            _watch(tree, run, place, max(step, 1), step)
        return first_parting(*places, step)


def first_parting(first: Path, second: Path, step: int) -> Parting:
    """Compare two recordings of one step, event by event.

    **Arguments:** `first`, `second`: folders that the recorder filled.
    """
    from safetensors.torch import load_file

    one, two = (json.loads((place / "events.json").read_text(encoding="utf-8")) for place in (first, second))
    for number, (a, b) in enumerate(zip(one, two, strict=False)):
        if a["what"] != b["what"]:
            return Parting(step, a["direction"], a["what"], f"in its place B has the {b['what']}")
        if a["digest"] != b["digest"]:
            tensors = [load_file(place / "tensors.safetensors") for place in (first, second)]
            apart = distance(leaf(tensors[0][a["tensor"]]), leaf(tensors[1][b["tensor"]]))
            return Parting(step, a["direction"], " = ".join(_names(one, two, number)), str(apart))
    if len(one) != len(two):
        event = max(one, two, key=len)[min(len(one), len(two))]
        return Parting(
            step, event["direction"], event["what"], f"only {'A' if len(one) > len(two) else 'B'} has it"
        )
    raise NotCheckable(f"step {step} is the same when it is watched closely: a training is not deterministic here")


def _names(one: list[dict], two: list[dict], number: int) -> Iterator[str]:
    """Name the event, and those after it that are the same tensor: an output is also the next module's input."""
    pair = one[number]["digest"], two[number]["digest"]
    for a, b in zip(one[number:], two[number:], strict=False):
        if (a["digest"], b["digest"]) != pair:
            return
        yield a["what"]


def _steps_needed(first: RecordedCell, second: RecordedCell) -> int | None:
    """Return the step by which two trainings have parted, None when they never do."""
    for a, b in zip(first.history, second.history, strict=False):
        if a != b:
            return min(a["step"], b["step"])
    if first.manifest["final_weights"] == second.manifest["final_weights"] and first.history == second.history:
        return None
    return min(first.manifest["steps"], second.manifest["steps"])


def _watch(tree: Path, run: RecordedCell, out: Path, until: int, detail: int) -> Path:
    """Train a cell under watch from its first step."""
    shutil.rmtree(tree / ".resume", ignore_errors=True)  # a watch that stopped early leaves a state
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    item = ["--model", run.model, "--seed", str(run.seed)]
    command = [sys.executable, "-P", str(RECORDER), str(out), str(until), str(detail), *item]
    what = "every step" if detail == STEPS_ONLY else f"step {detail}"
    run_in(tree, command, f"train@{run.cell} of run {run.run_id[:8]}, watching {what}")
    if not (out / "steps").is_file():
        raise NotCheckable(f"run {run.title}: its training took no step of a torch optimiser in its own process")
    return out


def _states(out: Path) -> list[str]:
    """Return the hash of the state before the first step and after each."""
    return [line.split()[1] for line in (out / "steps").read_text(encoding="utf-8").splitlines()]
