"""Short trainings of one model at one learning rate, for each weight decay and seed, scored on validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resnetbk.audit.code import verify_code
from resnetbk.data.corpus import Corpus
from resnetbk.models.registry import build_model
from resnetbk.params import Params
from resnetbk.params.training import Train
from resnetbk.repro.levels import enforce
from resnetbk.training.cell import what_goes_in
from resnetbk.training.divergence import DivergenceError
from resnetbk.training.resumable import trained
from resnetbk.tuning.choice import outcome

LOGGED = 12  # rows of a history
SAVED = 4  # times that a training saves where it is, the last at its end


def run_trials(params: Params, name: str, learning_rate: float, *, root: Path) -> dict[str, Any]:
    """Try one learning rate for model `name`, with each of `tune.weight_decays`.

    A trial is a training with each of `tune.seeds`, which are the training of `train`, but for its length, rates
    and validation. One that diverges is an outcome like any other.

    **Arguments:** `learning_rate`: one of `tune.learning_rates`; `root`: the repository.
    **Returns:** the content of metrics/tune/{model}/{learning_rate}.json: `tokens` of all trials together, and of
    each trial what `outcome` returns.
    **Raises:** `UserError` when the model's code is not the code that was audited, another process runs these
    trials, or a state cannot be written; `Interrupted` when a signal asked it to stop.
    """
    enforce(params.run.determinism)
    corpus = Corpus.open(root / "data/corpus")
    trials, tokens = [], 0
    for decay in params.tune.weight_decays:
        config = trial_config(params, learning_rate, decay)
        about = {"model": name, "trial": {"learning_rate": learning_rate, "weight_decay": decay}}
        runs = [_run(params, seed, corpus, config, about, root) for seed in params.tune.seeds]
        trials.append({**about["trial"], **outcome(runs)})
        tokens += sum(run["diverged_at"] or config.steps for run in runs) * config.tokens_per_step
    return {
        "model": name,
        "learning_rate": learning_rate,
        "seeds": params.tune.seeds,
        "steps": params.tune.steps,
        "tokens": tokens,
        "trials": trials,
    }


def _run(
    params: Params, seed: int, corpus: Corpus, config: Train, about: dict[str, Any], root: Path
) -> dict[str, Any]:
    """Train with one seed; the rows of the `history` are none where it diverged."""
    name = about["model"]
    model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
    verify_code(root / f"metrics/audit/{name}.json")
    inputs = what_goes_in(params, name, seed, corpus, model, config)
    history, diverged_at = [], None
    try:
        cell = f"{name}-{config.learning_rate}"
        with trained(
            "tune", cell, model, corpus, config, seed=seed, inputs=inputs, about=about, root=root
        ) as result:
            history = result.history
    except DivergenceError as error:
        diverged_at = error.step
    return {
        "seed": seed,
        "validation_loss": history[-1]["validation_loss"] if history else None,
        "diverged_at": diverged_at,
        "history": history,
    }


def trial_config(params: Params, learning_rate: float, weight_decay: float) -> Train:
    """Return the training of one trial."""
    tune, config = params.tune, params.train
    return Train(
        steps=tune.steps,
        batch_size=config.batch_size,
        length=config.length,
        accumulation=config.accumulation,
        learning_rate=learning_rate,
        final_learning_rate=config.final_learning_rate,
        warmup_steps=tune.warmup_steps,
        weight_decay=weight_decay,
        beta1=config.beta1,
        beta2=config.beta2,
        gradient_clip=config.gradient_clip,
        validation_interval=tune.steps,
        validation_batches=tune.validation_batches,
        log_interval=max(1, tune.steps // LOGGED),
        checkpoint_interval=max(1, tune.steps // SAVED),
    )
