"""Say whether two recorded runs came out the same, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resnetbk.replay.causes import Cause, causes
from resnetbk.replay.differences import ABSENT, Difference, Result, result_differences
from resnetbk.replay.recorded import RecordedCell

NOT_RESULTS = ("model", "seed", "data")  # of evaluate.json: what was asked for, not what came out
RESULTS = ("initial_weights", "dimensions", "parameters", "final_weights")  # of manifest.json
SHOWN = 12  # differences of one kind that are printed


@dataclass(frozen=True)
class Explanation:
    """What differs in two runs: `results` in the order in which one leads to the next, and every kind of cause."""

    first: RecordedCell
    second: RecordedCell
    results: list[Difference]
    causes: list[Cause]

    @property
    def first_cause(self) -> str | None:
        """The first of code, params, data and environment that differs."""
        return next((cause.kind for cause in self.causes if cause.differences), None)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"A: run {self.first.title}, commit {self.first.provenance['git']['commit']}"
        yield f"B: run {self.second.title}, commit {self.second.provenance['git']['commit']}"
        if not self.results:
            though = f", although their {self.first_cause} differs" if self.first_cause else ""
            yield f"The results are identical{though}."
        else:
            yield f"The results differ, first in {self.results[0]}"
            yield f"First cause: {self.first_cause or UNKNOWN}"
        for cause in self.causes:
            yield f"{cause.kind}: {len(cause.differences) or 'nothing'} differs"
            for difference in cause.differences[:SHOWN]:
                yield f"  {_told(difference) if cause.kind == 'code' else difference}"
            if len(cause.differences) > SHOWN:
                yield f"  ... and {len(cause.differences) - SHOWN} more"
        if code := [difference.place for difference in self.causes[0].differences]:
            yield f"see: {_git_diff(self.first, self.second, code)}"


UNKNOWN = (
    "none that was recorded. The training is not deterministic, or what differs is recorded nowhere (a package or "
    "file of your own, a library of the system): `resnetbk replay` of each run tells which"
)


def explain(first: RecordedCell, second: RecordedCell) -> Explanation:
    """Compare what came out of two runs, then all that went into them."""
    results = list(result_differences(_result(first), _result(second)))
    return Explanation(first, second, results, causes(first, second))


def _result(run: RecordedCell) -> Result:
    """Return what came out of a run, without what it was asked to do."""
    manifest = {key: run.manifest[key] for key in RESULTS if key in run.manifest}
    evaluation = {key: value for key, value in run.evaluation.items() if key not in NOT_RESULTS}
    return Result(manifest, run.history, evaluation)


def _told(code: Difference) -> str:
    where = {code.first: "only in B", code.second: "only in A"}
    return f"{code.place}: {where.get(ABSENT, 'changed')} ({code.distance})"


def _git_diff(first: RecordedCell, second: RecordedCell, code: list[str]) -> str:
    one, two = (run.provenance["git"]["commit"] for run in (first, second))
    if one == two:
        return "artifact provenance/git.diff of each run: the commit is the same"
    return f"git diff {one} {two} -- {' '.join(code[:SHOWN])}, and the artifacts provenance/git.diff"
