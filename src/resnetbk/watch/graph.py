"""The stages of one tree as DVC reads them, and which of them dvc.lock records as made from the present files."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

READ = ("dvc.yaml", "params.yaml", "dvc.lock")


class Graph:
    """The stages of the tree at `root`, in the order of dvc.yaml.

    `stages`: DVC's own objects by name, such as `train@mamba-0`; `above`: the names of those that make what a
    stage needs. Reading hashes every dependency and out, which takes seconds; until one of the files in `READ` is
    written again, nothing is taken to change but whether an out is there.

    **Raises:** `dvc.exceptions.DvcException` when DVC cannot read the tree, as while a copy is being made.
    """

    def __init__(self, root: Path) -> None:
        from dvc.repo import Repo

        self._root = root
        self._written = self._times()
        definition = str(root / "dvc.yaml")  # not the benchmarks', which nobody reproduces
        with Repo(str(root)) as repo:
            self.stages = {stage.name: stage for stage in repo.index.stages if stage.path == definition}
            graph = repo.index.graph.subgraph(self.stages.values())
            self.above = {
                name: {other.name for other in graph.successors(stage)} for name, stage in self.stages.items()
            }
            self._unchanged = {name for name, stage in self.stages.items() if not any(stage.changed_entries())}

    @property
    def outdated(self) -> bool:
        """Whether dvc.yaml, params.yaml or dvc.lock was written since this was read."""
        return self._times() != self._written

    def done(self) -> set[str]:
        """Return the stages that are made from the present files, code, parameters and command."""
        done: set[str] = set()
        for name in TopologicalSorter(self.above).static_order():
            here = all(Path(out.fs_path).exists() for out in self.stages[name].outs)
            if here and name in self._unchanged and self.above[name] <= done:
                done.add(name)
        return done

    def _times(self) -> list[int]:
        """Return when the files that a graph is read from were last written, in nanoseconds; 0 for none."""
        return [path.stat().st_mtime_ns if (path := self._root / name).exists() else 0 for name in READ]
