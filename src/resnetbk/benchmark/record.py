"""What a benchmark leaves behind: what it was measured on, its figures, and whether they reach what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resnetbk.benchmark.settings import Target
from resnetbk.repro.files import write_json
from resnetbk.repro.provenance import get_environment_info


def measured_on(*more: str) -> dict[str, Any]:
    """Return of the provenance what every time depends on, and `more` of its keys."""
    found = get_environment_info()
    return {key: found["git"][key] for key in ("commit", "dirty")} | {
        key: found[key] for key in ("platform", "cpu", "memory_bytes", *more)
    }


def write_record(
    name: str, details: Mapping[str, Any], figures: Mapping[str, Any], targets: Mapping[str, Target]
) -> None:
    """Write metrics/{name}_details.json and metrics/{name}.json, and print which figures reach their targets."""
    write_json(f"metrics/{name}_details.json", details)
    write_json(f"metrics/{name}.json", figures)
    print(*compare_with_targets(figures, targets), sep="\n")


def compare_with_targets(figures: Mapping[str, Any], targets: Mapping[str, Target]) -> list[str]:
    """Return a line for each figure that has a target, by model where it has them: whether it is reached."""
    lines = []
    for name, target in targets.items():
        found = figures[name] if isinstance(figures[name], dict) else {"": figures[name]}
        for model, value in found.items():
            verdict = "reached" if target.reached(value) else "MISSED"
            lines.append(
                f"{verdict}: {name} {model}{' ' * bool(model)}{value:.4f}, {target.kind} {target.value:g}"
            )
    return lines
