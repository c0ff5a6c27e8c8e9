"""What became of registered checkpoints, as a page to read or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from resnetbk.repro.hashing import Algorithm

Status = Literal["intact", "changed", "missing", "unreadable"]
ReportFormat = Literal["markdown", "json"]


@dataclass(frozen=True)
class Verification:
    """What became of one checkpoint: `found` is its hash now, or why there is none."""

    path: str
    status: Status
    algorithm: Algorithm
    expected: str
    found: str
    metadata: dict[str, Any]

    @property
    def intact(self) -> bool:
        return self.status == "intact"

    def __str__(self) -> str:
        return f"{self.path}: {self.status}" + (
            "" if self.intact else f" (expected {self.algorithm} {self.expected}, found {self.found})"
        )


def render(results: list[Verification], format: ReportFormat) -> bytes:
    """Return a report of verified checkpoints, as a Markdown page or as JSON."""
    return (_markdown if format == "markdown" else _json)(results).encode(errors="backslashreplace")


def _json(results: list[Verification]) -> str:
    intact = all(result.intact for result in results)
    return json.dumps({"intact": intact, "checkpoints": [asdict(result) for result in results]}, indent=2) + "\n"


def _markdown(results: list[Verification]) -> str:
    intact = sum(result.intact for result in results)
    lines = [
        "# Checkpoints",
        "",
        f"{intact} of {len(results)} intact.",
        "",
        "| checkpoint | status | hash when registered | hash now | metadata |",
        "|---|---|---|---|---|",
    ]
    for result in results:
        cells = (
            result.path,
            result.status if result.intact else f"**{result.status}**",
            f"{result.algorithm} {result.expected}",
            result.found,
            json.dumps(result.metadata, ensure_ascii=False),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
