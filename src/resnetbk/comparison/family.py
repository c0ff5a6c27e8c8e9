"""Every test of every pair, corrected over the whole family, and the verdict of each.

A row of `comparisons` in metrics/comparison.json, in nats a token where it is no probability:

- `difference`, `confidence_interval`, `standard_error` (and of `_seeds`, of `_documents`), `degrees_of_freedom_*`,
  `p_value`: `statistics`, the test that decides;
- `bootstrap_interval`: `bootstrap`; `permutation_p_value`: `permutation`; neither decides;
- `effect_size`: Hedges' g; `margin`: that of equivalence; `equivalence_p_value`: of a difference as large as the
  margin; `excess_p_value`: of a difference no larger;
- `*_corrected`: by Holm over all rows, each kind of p-value by itself;
- `power`: `power`, for an `effect` as large as the margin at the `alpha` of the first step of Holm's correction;
  null with one seed;
- `verdict`, `note`: `verdict`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from resnetbk.comparison.bootstrap import bootstrap_interval
from resnetbk.comparison.cells import Cells
from resnetbk.comparison.pairs import Pair
from resnetbk.comparison.permutation import sign_flip_test
from resnetbk.comparison.power import power_to_equate, power_to_find, seeds_needed, spread_of
from resnetbk.comparison.statistics import (
    CrossedMean,
    confidence_interval,
    crossed_mean,
    equivalence_p_value,
    excess_p_value,
    hedges_g,
    p_value,
)
from resnetbk.comparison.verdict import Evidence, decide
from resnetbk.errors import UserError
from resnetbk.params.comparison import Compare

# Nats a token: below what float32 resolves of a loss, far below how any two models differ between documents.
RESOLUTION = 1e-9
_CORRECTED = ("p_value", "equivalence_p_value", "excess_p_value")


def compare_pairs(
    cells: Cells, pairs: list[Pair], plan: Compare, why_not_comparable: Callable[[Pair], str | None]
) -> tuple[list[dict[str, Any]], dict[Pair, Evidence]]:
    """Test every pair and decide.

    Holm's correction covers all pairs, the incomparable ones too, each kind of p-value by itself: the plan
    fixes the family, not the results.

    **Arguments:** `cells`: those of the run; `pairs`: the family; `plan`: alpha, margin, power, resamples;
    `why_not_comparable`: the row of the ledger that forbids comparing a pair, or None.
    **Returns:** a row a pair, as metrics/comparison.json holds it, and the evidence that its verdict rests
    on.
    **Raises:** `UserError` for a difference without variance.
    """
    rows = [_numbers(cells, pair, plan, alpha=plan.alpha / len(pairs)) for pair in pairs]
    for key in _CORRECTED:
        for row, corrected in zip(rows, _holm([row[key] for row in rows]), strict=True):
            row[f"{key}_corrected"] = corrected
    evidence = {
        pair: Evidence(
            difference=row["difference"],
            **{f"{key}_corrected": row[f"{key}_corrected"] for key in _CORRECTED},
            seeds=len(cells.by_model[pair.model]),
            documents=len(cells.tokens_D),
            not_comparable=why_not_comparable(pair),
            mistuned=tuple(name for name in pair if _chosen_at_the_edge(cells, name)),
        )
        for pair, row in zip(pairs, rows, strict=True)
    }
    for pair, row in zip(pairs, rows, strict=True):
        row["verdict"], row["note"] = decide(evidence[pair], plan.alpha)
    return rows, evidence


def _holm(p_values: list[float]) -> list[float]:
    return multipletests(p_values, method="holm")[1].tolist() if p_values else []


def _numbers(cells: Cells, pair: Pair, plan: Compare, alpha: float) -> dict[str, Any]:
    """Test one pair; `alpha` is the level at which power is reckoned."""
    tokens_D = cells.tokens_D
    against_SD = cells.loss_SD(pair.against)
    difference_SD = cells.loss_SD(pair.model) - against_SD
    _require_variance(cells, pair, difference_SD)
    mean = crossed_mean(difference_SD, tokens_D)
    margin = plan.equivalence_margin * np.average(against_SD.mean(0), weights=tokens_D)
    interval = bootstrap_interval(difference_SD, tokens_D, 1 - plan.alpha, resamples=plan.resamples)
    return {
        "key": pair.key,
        "model": pair.model,
        "against": pair.against,
        "difference": mean.estimate,
        "confidence_interval": list(confidence_interval(mean, 1 - plan.alpha)),
        "bootstrap_interval": list(interval),
        "standard_error": mean.standard_error,
        "standard_error_seeds": np.sqrt(mean.variance_seeds) if mean.freedom_seeds else None,
        "standard_error_documents": np.sqrt(mean.variance_documents),
        "degrees_of_freedom_seeds": mean.freedom_seeds,
        "degrees_of_freedom_documents": mean.freedom_documents,
        "p_value": p_value(mean),
        "permutation_p_value": asdict(sign_flip_test(difference_SD, tokens_D, resamples=plan.resamples)),
        "effect_size": hedges_g(difference_SD, tokens_D),
        "margin": margin,
        "equivalence_p_value": equivalence_p_value(mean, margin),
        "excess_p_value": excess_p_value(mean, margin),
        "power": _power(mean, float(margin), alpha, plan.power) if mean.freedom_seeds else None,
    }


def _power(mean: CrossedMean, margin: float, alpha: float, target: float) -> dict[str, Any]:
    spread = spread_of(mean)
    return {
        "effect": margin,
        "alpha": alpha,
        "target": target,
        "difference": power_to_find(margin, spread, alpha),
        "difference_seeds_needed": seeds_needed(power_to_find, margin, spread, alpha, target),
        "equivalence": power_to_equate(margin, spread, alpha),
        "equivalence_seeds_needed": seeds_needed(power_to_equate, margin, spread, alpha, target),
    }


def _require_variance(cells: Cells, pair: Pair, difference_SD: np.ndarray) -> None:
    if np.ptp(difference_SD, axis=1).max() < RESOLUTION < np.abs(difference_SD).max():
        names = " ".join(f"evaluate@{cell.name}" for cell in cells.by_model[pair.model])
        raise UserError(
            f"metrics/evaluate: {pair.model} and {pair.against} differ by the same {difference_SD[0, 0]:.6g} "
            f"nats a token on every document; a difference with zero variance was not measured. "
            f"Run: dvc repro --force --single-item {names}"
        )


def _chosen_at_the_edge(cells: Cells, model: str) -> bool:
    tunings = [cell.manifest.tuning for cell in cells.by_model[model]]
    return any(tuning is not None and tuning.at_edge for tuning in tunings)
