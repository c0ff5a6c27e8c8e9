"""A comparison is shown when it is of the run's models and seeds, and when its own numbers agree."""

from __future__ import annotations

import math
from pathlib import Path

from resnetbk.errors import UserError
from resnetbk.report.shapes.comparison import Attribution, Comparison
from resnetbk.report.shapes.ledger import NotMeasured

# Every number of the file has eight significant digits: a sum of some may be off by the rounding of each.
ROUNDING = 1e-7


def require_same_run(path: Path, comparison: Comparison, models: list[str], seeds: list[int]) -> None:
    """Raise `UserError` for a comparison of other models or seeds, or one that contradicts itself."""
    rivals = [model for model in models if model != comparison.baseline]
    against_baseline = [pair.model for pair in comparison.comparisons if pair.against == comparison.baseline]
    named = [name for pair in comparison.comparisons for name in (pair.model, pair.against)]
    keys = [pair.key for pair in comparison.comparisons]
    cells = [(model, seed) for model in models for seed in seeds]
    ledger = [(cell.model, cell.seed) for model in models for cell in _ledger(comparison, model)]
    per_seed = {
        f"models.{name}.loss_by_seed": len(score.loss_by_seed) for name, score in comparison.models.items()
    }
    views = comparison.views
    seen = {"flops": views.flops, "state_size": views.state_size, "seconds": views.seconds}
    for key, found, expected in (
        ("seeds", comparison.seeds, seeds),
        ("models", sorted(comparison.models), sorted(models)),
        ("baseline", comparison.baseline in models, True),
        ("comparisons", sorted(against_baseline), sorted(rivals)),
        ("comparisons", sorted({*named, *models}), sorted(models)),
        ("comparisons", sorted(set(keys)), sorted(keys)),
        ("models, ledger", ledger, cells),
        *((key, count, len(seeds)) for key, count in per_seed.items()),
        *(
            (f"views.{name}", sorted(view.models), sorted(models))
            for name, view in seen.items()
            if not isinstance(view, NotMeasured)
        ),
    ):
        if found != expected:
            raise UserError(
                f"{path}: {key}: not of the models and seeds that run names in params.yaml; found {found}, "
                f"expected {expected}; make it anew: dvc repro -f compare"
            )
    rests_on = {found.comparison for found in comparison.hypotheses if found.comparison is not None}
    for found in comparison.attribution:
        rests_on |= {found.comparison, *(part.comparison for part in found.parts)}
        _require_whole(path, found)
    if unknown := sorted(rests_on - set(keys)):
        raise UserError(
            f"{path}: hypotheses or attribution rest on {', '.join(unknown)}, which is none of its comparisons; "
            "make it anew: dvc repro -f compare"
        )


def _ledger(comparison: Comparison, model: str) -> list:
    return comparison.models[model].ledger if model in comparison.models else []


def _require_whole(path: Path, attribution: Attribution) -> None:
    """Refuse parts that do not sum to the whole."""
    parts = [part.difference for part in attribution.parts]
    size = abs(attribution.difference) + math.fsum(map(abs, parts))
    if parts and abs(math.fsum(parts) - attribution.difference) > ROUNDING * size:
        raise UserError(
            f"{path}: attribution of {attribution.model}: its parts sum to {math.fsum(parts):.8g}, and the whole "
            f"is {attribution.difference:.8g}; make it anew: dvc repro -f compare"
        )
