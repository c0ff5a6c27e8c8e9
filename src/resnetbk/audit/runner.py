"""All audits of one model, at the configuration that will be trained."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from resnetbk.audit.alignment import check_alignment
from resnetbk.audit.causality import check_causality
from resnetbk.audit.causality_gradient import check_causality_gradient
from resnetbk.audit.check import Check
from resnetbk.audit.code import audited_sources
from resnetbk.audit.live_gradients import check_live_gradients
from resnetbk.audit.normalisation import check_normalisation
from resnetbk.audit.split_leakage import check_split_leakage
from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Corpus
from resnetbk.errors import UserError
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.params import Params
from resnetbk.training.loss import next_token_loss

BATCHES = 8  # how many batches a parameter has to show a gradient in
ALIGNED_STEPS = (0, 1, 10_000)  # the last in another epoch of any corpus that trains in minutes


class AuditError(UserError):
    """A model or its data broke a guarantee, so nothing that depends on it may run."""


def audit_model(params: Params, name: str, corpus: Corpus) -> dict[str, Any]:
    """Run every check on model `name` as it will be trained: its budget, the corpus's vocabulary.

    **Returns:** the report: model, passed, checks (name to passed, measured, detail), parameters, code
    (path to SHA-256 of the files of models/ and kernels/ that ran).
    **Raises:** `AuditError` naming the model, each failed check, and the position and size of the fault.
    """
    config, vocabulary_size = params.audit, corpus.vocabulary_size
    model = build_model(params.models[name], vocabulary_size, params.run.parameter_budget, config.seed)
    train = corpus.split("train")
    batches = [
        training_batch(train, step=step, batch_size=config.batch_size, length=config.length, seed=config.seed)
        for step in range(BATCHES)
    ]
    tokens_BL, _ = batches[0]
    checks = {
        "causality": check_causality(model, tokens_BL, vocabulary_size=vocabulary_size, seed=config.seed),
        "causality_gradient": check_causality_gradient(model, tokens_BL, seed=config.seed),
        "alignment": check_alignment(
            train,
            training_batch,
            next_token_loss,
            vocabulary_size=vocabulary_size,
            batch_size=max(2, config.batch_size),
            length=config.length,
            steps=ALIGNED_STEPS,
            seed=config.seed,
        ),
        "normalisation": check_normalisation(model, tokens_BL, next_token_loss, vocabulary_size=vocabulary_size),
        "split_leakage": check_split_leakage(
            {split: corpus.split(split) for split in ("train", "validation", "test")}
        ),
        "live_gradients": check_live_gradients(model, batches, next_token_loss),
    }
    _require_passed(name, checks)
    return {
        "model": name,
        "passed": True,
        "checks": {check: asdict(outcome) for check, outcome in checks.items()},
        "parameters": count_parameters(model),
        "code": audited_sources(),
    }


def _require_passed(name: str, checks: dict[str, Check]) -> None:
    failed = [f"{check}: {outcome.detail}" for check, outcome in checks.items() if not outcome.passed]
    if failed:
        faults = "\n  ".join(failed)
        raise AuditError(
            f"model {name!r} fails {len(failed)} of {len(checks)} audits; nothing that depends on it will "
            f"run\n  {faults}\n"
            f"Mend models.{name} (or the data, for alignment and split_leakage) and run "
            f"`dvc repro audit@{name}`."
        )
