"""The content of metrics/comparison.json and metrics/summary.json, from cells to verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from resnetbk.comparison.attribution import attribute, attribution_steps
from resnetbk.comparison.cells import Cells, read_cells
from resnetbk.comparison.code import require_one_code
from resnetbk.comparison.consistency import require_one_experiment
from resnetbk.comparison.fairness import why_not_comparable
from resnetbk.comparison.family import compare_pairs
from resnetbk.comparison.hypotheses import answer_hypotheses, hypothesis_pairs
from resnetbk.comparison.ledger import Ledger, read_ledgers
from resnetbk.comparison.pairs import PLAIN_GATE, PLAIN_MIXERS, comparison_pairs, controls
from resnetbk.comparison.plan import why_exploratory
from resnetbk.comparison.records import Baselines, read_record
from resnetbk.comparison.summary import claims_of, in_words
from resnetbk.comparison.timings import read_timings
from resnetbk.comparison.views import views
from resnetbk.errors import UserError
from resnetbk.params import Params
from resnetbk.plan import PLAN_FILE, plan_of, read_plan
from resnetbk.repro.files import sha256_json
from resnetbk.repro.rounding import rounded


def compare(params: Params, root: Path = Path()) -> dict[str, Any]:
    """Compare every model with the baseline, every mixer with its plain control, and what the plan names.

    **Arguments:** `params`: the run's; `root`: the repository, with metrics/ and models/ under it.
    **Returns:** the content of metrics/comparison.json; losses in nats a token, floats `rounded`.
    **Raises:** `UserError` for cells that do not belong together, and where no statistics are possible.
    """
    run, plan, models = params.run, params.compare, params.models
    cells = read_cells(run, root)
    require_one_experiment(cells)
    require_one_code(cells)
    ngrams = read_record(root / "metrics/baselines.json", Baselines, stage="baselines")
    ledgers = read_ledgers(cells, parameter_budget=run.parameter_budget)
    if len(cells.tokens_D) < 2:
        raise UserError(
            "data/corpus: the test split holds one document; a spread over documents needs two, a verdict "
            "more. Raise prepare.test_fraction or prepare.max_documents in params.yaml"
        )
    candidates = [name for name in run.models if _is_on_trial(params, name)]
    chains = {name: attribution_steps(models, run.models, plan.baseline, name) for name in candidates}
    links = [step.pair for chain in chains.values() for step in chain]
    planned = comparison_pairs(models, run.models, plan.baseline, links)
    pairs = [*planned, *hypothesis_pairs(plan.hypotheses, run.models, planned)]
    rows, evidence = compare_pairs(
        cells, pairs, plan, lambda pair: why_not_comparable(ledgers, pair, plan.tolerances)
    )
    comparison = {
        "plan": {
            "sha256": sha256_json(plan_of(params)),
            "exploratory": why_exploratory(params, cells, read_plan(root / PLAN_FILE)),
        },
        "baseline": plan.baseline,
        "alpha": plan.alpha,
        "equivalence_margin": plan.equivalence_margin,
        "tolerances": plan.tolerances.model_dump(),
        "seeds": list(run.seeds),
        "documents": len(cells.tokens_D),
        "models": {name: _model(cells, name, ledgers[name], ngrams.bigram.loss) for name in run.models},
        "views": views(cells, ledgers, plan, read_timings(root)),
        "ngrams": ngrams.model_dump(),
        "comparisons": rows,
        "hypotheses": answer_hypotheses(plan.hypotheses, evidence),
        "attribution": attribute(chains, plan.baseline, rows),
    }
    comparison = rounded(comparison)
    plain = {name: controls(models, run.models, name) for name in candidates}
    without_gate = [
        name for name in candidates if PLAIN_GATE not in [models[other].mixer for other in plain[name]]
    ]
    claims = claims_of(comparison, plain, without_gate)
    return {"summary": in_words(claims), "claims": claims, **comparison}


def flat_metrics(comparison: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the numbers of a comparison by model, flat, for `dvc metrics show` and `dvc metrics diff`."""
    metrics = {
        name: {key: model[key] for key in ("loss", "perplexity", "bits_per_byte")}
        for name, model in comparison["models"].items()
    }
    for row in comparison["comparisons"]:
        metrics[row["model"]][f"difference_to_{row['against']}"] = row["difference"]
    return metrics


def _model(cells: Cells, name: str, ledgers: list[Ledger], bigram_loss: float) -> dict[str, Any]:
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
        "ledger": [ledger.as_json() for ledger in ledgers],
    }


def _is_on_trial(params: Params, name: str) -> bool:
    """Return whether the run is about this model: a ResNet-BK whose mixer is a resolvent."""
    config = params.models[name]
    return config.family == "resnet_bk" and config.mixer not in PLAIN_MIXERS and name != params.compare.baseline
