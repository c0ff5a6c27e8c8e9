"""What a validation found: an outcome for each check, and the score that they add up to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from resnetbk.repro.validation.project import Project


@dataclass(frozen=True)
class Check:
    """One question about a project.

    `name`: what holds when it is passed; `points`: of 100; `severity`: what a problem is; `find`: returns a line
    for each thing that is wrong, none when all is well.
    """

    name: str
    points: int
    severity: Literal["error", "warning"]
    find: Callable[[Project], list[str]]


@dataclass(frozen=True)
class Outcome:
    """What became of one check: all its points when it passed, else none.

    `not checked` is a check whose file is missing or broken, which is another check's finding; `problems` says so.
    """

    name: str
    points: int
    severity: Literal["error", "warning"]
    status: Literal["passed", "failed", "not checked"]
    problems: tuple[str, ...] = ()

    @property
    def earned(self) -> int:
        return self.points if self.status == "passed" else 0


@dataclass(frozen=True)
class Validation:
    """The outcome of every check, in their order."""

    checks: tuple[Outcome, ...]

    @property
    def score(self) -> int:
        """Points earned, 0 to 100."""
        return sum(check.earned for check in self.checks)

    @property
    def errors(self) -> tuple[str, ...]:
        """A line for each problem that has to be mended: `check: what, where`."""
        return self._lines("error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line for each problem that should be mended."""
        return self._lines("warning")

    def _lines(self, severity: str) -> tuple[str, ...]:
        failed = [check for check in self.checks if check.status == "failed" and check.severity == severity]
        return tuple(f"{check.name}: {problem}" for check in failed for problem in check.problems)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        return {
            "score": self.score,
            "errors": list(self.errors),
            "warnings": list(self.warnings),
            "checks": [
                {
                    "name": check.name,
                    "status": check.status,
                    "severity": check.severity,
                    "points": check.points,
                    "earned": check.earned,
                    "problems": list(check.problems),
                }
                for check in self.checks
            ],
        }
