"""Train the small cell again and again, killed each time at another point, and once more to the end.

The code under test knows nothing of this: the file system's own events (Python's audit hook), the writing of
safetensors and the parts of a step are what is counted, and at one of them the process sends itself SIGKILL.

Usage: python -m tests.training.kill_points FOLDER POINT ... (no point: all of them); prints one JSON object.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from tests.training.small_cell import make_root, outs, train_small

from resnetbk.training import checkpoint, loop, resume

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


class Point:
    """Counts what happens; at number `kill_at` the process dies."""

    def __init__(self, root: Path, kill_at: int | None) -> None:
        self._root, self._kill_at, self.labels = str(root), kill_at, []

    def pass_by(self, label: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # the journal's writer: it passes when it likes, so its points have no number
        self.labels.append(label)
        if len(self.labels) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count every change that Python makes to a file, every sync, every safetensors file, every step."""

        def hook(event: str, arguments: tuple) -> None:
            if event == "open":
                path, mode, flags = arguments
                writes = any(letter in (mode or "") for letter in "wax+") or (flags or 0) & os.O_CREAT
            else:
                path, writes = (arguments or ("",))[0], event in CHANGES
            if writes and str(path).startswith(self._root):
                self.pass_by(f"{event} {Path(path).name.replace(str(os.getpid()), 'PID')}")

        sys.addaudithook(hook)
        self.around(os, "fsync")
        self.around(resume, "save_file", half=True)
        self.around(checkpoint, "save_model", half=True)
        self.around(loop, "optimiser_step")
        self.around(torch.Tensor, "backward")
        self.around(torch.optim.AdamW, "step")
        self.around(loop, "validation_loss")

    def around(self, owner: Any, name: str, *, half: bool = False) -> None:
        """Pass by before and after a function; with `half`, also when half of the file that it writes is there."""
        original: Callable = getattr(owner, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            self.pass_by(f"before {name}")
            result = original(*arguments, **options)
            if half:
                path = Path(arguments[1])
                content = path.read_bytes()
                os.truncate(path, len(content) // 2)
                self.pass_by(f"half of {name}")
                path.write_bytes(content)
            self.pass_by(f"after {name}")
            return result

        setattr(owner, name, watched)


def run(root: Path, kill_at: int | None = None) -> int | list[str]:
    """Train in a process of its own; return the signal that killed it, or the points that it passed."""
    labels = root.parent / "labels.json"
    child = os.fork()
    if not child:
        point = Point(root, kill_at)
        point.watch()
        train_small(root, steps=2, checkpoint_interval=1)
        labels.write_text(json.dumps(point.labels))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    assert os.WEXITSTATUS(status) == 0
    return json.loads(labels.read_text())


def main(folder: Path, points: list[str]) -> dict[str, Any]:
    """Kill at the first passing of each point and say what was amiss after; then once with a broken resume."""
    fresh = make_root(folder / "fresh")
    root = folder / "root"
    shutil.copytree(fresh, root)
    labels = run(root)
    undisturbed = outs(root)
    numbers = [labels.index(point) for point in points] if points else range(len(labels))
    faults = check(fresh, root, undisturbed, labels, numbers)
    resume.ResumeState.load = forget(resume.ResumeState.load)
    control = check(fresh, root, undisturbed, labels, [labels.index("before validation_loss")])
    return {"points": [labels[number] for number in numbers], "faults": faults, "control": control}


def forget(load: Callable) -> Callable:
    """The control: a resume that forgets the optimiser's moments."""

    def forgetful(self, model, optimiser):
        progress = load(self, model, optimiser)
        for moments in optimiser.state.values():
            if moments:
                moments["exp_avg"].zero_()
        return progress

    return forgetful


def check(fresh: Path, root: Path, undisturbed: str, labels: list[str], numbers: Iterable[int]) -> list[str]:
    """Kill at each of these points, run again, and return what differs from an undisturbed run."""
    faults = []
    for number in numbers:
        shutil.rmtree(root)
        shutil.copytree(fresh, root)
        if run(root, number + 1) != signal.SIGKILL:
            faults.append(f"{labels[number]}: was not killed")
        run(root)
        if outs(root) != undisturbed:
            faults.append(f"{labels[number]}: other bits")
        left = [path.name for path in root.rglob("*") if path.name.endswith(".partial")]
        left += os.listdir(root / ".resume")
        if left:
            faults.append(f"{labels[number]}: {left} is left over")
    return faults


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
