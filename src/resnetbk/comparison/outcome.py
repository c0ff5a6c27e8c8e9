"""The content of metrics/comparison.json and metrics/summary.json, from cells to verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from resnetbk.comparison.bootstrap import pigeonhole_interval
from resnetbk.comparison.cells import Cells, read_cells
from resnetbk.comparison.consistency import require_one_experiment
from resnetbk.comparison.fairness import Ledger, read_ledger, why_not_comparable
from resnetbk.comparison.pairs import CONTROL_MIXER, Pair, comparison_pairs, controls
from resnetbk.comparison.plan import why_exploratory
from resnetbk.comparison.records import Baselines, read_record
from resnetbk.comparison.statistics import (
    confidence_interval,
    crossed_mean,
    equivalence_p_value,
    hedges_g,
    p_value,
)
from resnetbk.comparison.summary import summarise
from resnetbk.comparison.verdict import Evidence, decide
from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.plan import PLAN_FILE, plan_of, read_plan
from resnetbk.repro.files import sha256_json

# A t quantile, an exponential or a sum may differ in its last bits between CPUs, and a difference of two losses
# magnifies that a thousandfold. Eight digits are more than anyone reads and so far above the noise that it all
# but never moves the file's hash.
SIGNIFICANT_DIGITS = 8
# Nats a token: below what float32 resolves of a loss, far below how any two models differ between documents.
RESOLUTION = 1e-9


def compare(params: Params, root: Path = Path()) -> dict[str, Any]:
    """Compare every model of the run with the baseline, and every mixer with its plain control.

    **Arguments:** `params`: the run's; `root`: the repository, with metrics/ and models/ under it.
    **Returns:** the content of metrics/comparison.json; losses in nats a token, floats of SIGNIFICANT_DIGITS.
    **Raises:** `UserError` for cells that do not belong together, and where no statistics are possible.
    """
    run, plan = params.run, params.compare
    cells = read_cells(run, root)
    require_one_experiment(cells)
    ngrams = read_record(root / "metrics/baselines.json", Baselines, stage="baselines")
    ledgers = {name: read_ledger(cells, name, parameter_budget=run.parameter_budget) for name in run.models}
    if len(cells.tokens_D) < 2:
        raise UserError(
            "data/corpus: the test split holds one document; a spread over documents needs two, a verdict "
            "more. Raise prepare.test_fraction or prepare.max_documents in params.yaml"
        )
    comparison = {
        "plan": {
            "sha256": sha256_json(plan_of(params)),
            "exploratory": why_exploratory(params, cells, read_plan(root / PLAN_FILE)),
        },
        "baseline": plan.baseline,
        "alpha": plan.alpha,
        "equivalence_margin": plan.equivalence_margin,
        "parameter_tolerance": plan.parameter_tolerance,
        "seeds": list(run.seeds),
        "documents": len(cells.tokens_D),
        "models": {name: _model(cells, name, ledgers[name], ngrams.bigram.loss) for name in run.models},
        "ngrams": ngrams.model_dump(),
        "comparisons": _comparisons(params, cells, ledgers),
    }
    comparison = _rounded(comparison)
    candidates = [name for name in run.models if _is_on_trial(params, name)]
    without_control = [name for name in candidates if not controls(params.models, run.models, name)]
    return {"summary": summarise(comparison, candidates, without_control), **comparison}


def flat_metrics(comparison: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the numbers of a comparison by model, flat, for `dvc metrics show` and `dvc metrics diff`."""
    metrics = {
        name: {key: model[key] for key in ("loss", "perplexity", "bits_per_byte")}
        for name, model in comparison["models"].items()
    }
    for row in comparison["comparisons"]:
        metrics[row["model"]][f"difference_to_{row['against']}"] = row["difference"]
    return metrics


def _model(cells: Cells, name: str, ledger: Ledger, bigram_loss: float) -> dict[str, Any]:
    evaluations = [cell.evaluation for cell in cells.by_model[name]]
    losses = [evaluation.loss for evaluation in evaluations]
    loss = np.mean(losses)
    return {
        "loss": loss,
        "loss_by_seed": losses,
        "perplexity": np.exp(loss),
        "bits_per_byte": np.mean([evaluation.bits_per_byte for evaluation in evaluations]),
        "standard_deviation": np.std(losses, ddof=1) if len(losses) > 1 else None,
        "below_bigram": bool(loss < bigram_loss),
        "ledger": ledger.as_json(),
    }


def _comparisons(params: Params, cells: Cells, ledgers: dict[str, Ledger]) -> list[dict[str, Any]]:
    plan = params.compare
    pairs = comparison_pairs(params.models, params.run.models, plan.baseline)
    rows = [_numbers(cells, pair, plan.alpha, plan.equivalence_margin) for pair in pairs]
    # All pairs are in both families, the incomparable ones too: the plan fixes the family, not the results.
    for key in ("p_value", "equivalence_p_value"):
        for row, corrected in zip(rows, _holm([row[key] for row in rows]), strict=True):
            row[f"{key}_corrected"] = corrected
    for row, pair in zip(rows, pairs, strict=True):
        evidence = Evidence(
            difference=row["difference"],
            p_value_corrected=row["p_value_corrected"],
            equivalence_p_value_corrected=row["equivalence_p_value_corrected"],
            seeds=len(params.run.seeds),
            documents=len(cells.tokens_D),
            not_comparable=why_not_comparable(ledgers, pair, plan.parameter_tolerance),
        )
        row["verdict"], row["note"] = decide(evidence, plan.alpha)
    return rows


def _holm(p_values: list[float]) -> list[float]:
    return list(multipletests(p_values, method="holm")[1]) if p_values else []


def _numbers(cells: Cells, pair: Pair, alpha: float, relative_margin: float) -> dict[str, Any]:
    tokens_D = cells.tokens_D
    against_SD = cells.loss_SD(pair.against)
    difference_SD = cells.loss_SD(pair.model) - against_SD
    if np.ptp(difference_SD, axis=1).max() < RESOLUTION < np.abs(difference_SD).max():
        names = " ".join(f"evaluate@{cell.name}" for cell in cells.by_model[pair.model])
        raise UserError(
            f"metrics/evaluate: {pair.model} and {pair.against} differ by the same {difference_SD[0, 0]:.6g} "
            f"nats a token on every document; a difference with zero variance was not measured. "
            f"Run: dvc repro --force --single-item {names}"
        )
    mean = crossed_mean(difference_SD, tokens_D)
    margin = relative_margin * np.average(against_SD.mean(0), weights=tokens_D)
    return {
        "model": pair.model,
        "against": pair.against,
        "difference": mean.estimate,
        "confidence_interval": list(confidence_interval(mean, 1 - alpha)),
        "bootstrap_interval": list(pigeonhole_interval(difference_SD, tokens_D, 1 - alpha)),
        "standard_error": mean.standard_error,
        "standard_error_seeds": np.sqrt(mean.variance_seeds) if mean.freedom_seeds else None,
        "standard_error_documents": np.sqrt(mean.variance_documents),
        "degrees_of_freedom_seeds": mean.freedom_seeds,
        "degrees_of_freedom_documents": mean.freedom_documents,
        "p_value": p_value(mean),
        "effect_size": hedges_g(difference_SD, tokens_D),
        "margin": margin,
        "equivalence_p_value": equivalence_p_value(mean, margin),
    }


def _is_on_trial(params: Params, name: str) -> bool:
    """Return whether the run is about this model: a ResNet-BK with a mixer that is no control."""
    config = params.models[name]
    return config.family == "resnet_bk" and config.mixer != CONTROL_MIXER and name != params.compare.baseline


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float | np.ndarray):
        return float(f"{float(value):.{SIGNIFICANT_DIGITS}g}") + 0.0  # no minus zero
    return value
