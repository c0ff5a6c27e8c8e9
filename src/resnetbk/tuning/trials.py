"""Short trainings of one model at one learning rate, one for each weight decay, scored on the validation split."""

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

LOGGED = 12  # rows of a trial's history
SAVED = 4  # times that a trial saves where it is, the last at its end


def run_trials(params: Params, name: str, learning_rate: float, *, root: Path) -> dict[str, Any]:
    """Train model `name` with `tune.seed` at one learning rate, once for each of `tune.weight_decays`.

    A trial is the training of `train`, but for its length, rates and validation. One that diverges is an outcome
    like any other.

    **Arguments:** `learning_rate`: one of `tune.learning_rates`; `root`: the repository.
    **Returns:** the content of metrics/tune/{model}/{learning_rate}.json; `tokens` of all trials together, losses
    in nats a token, and of each trial the rows of its `history`, none if it diverged.
    **Raises:** `UserError` when the model's code is not the code that was audited, another process runs these
    trials, or a state cannot be written; `Interrupted` when a signal asked it to stop.
    """
    enforce(params.run.determinism)
    corpus = Corpus.open(root / "data/corpus")
    seed = params.tune.seed
    trials = []
    for decay in params.tune.weight_decays:
        model = build_model(params.models[name], corpus.vocabulary_size, params.run.parameter_budget, seed)
        verify_code(root / f"metrics/audit/{name}.json")
        config = trial_config(params, learning_rate, decay)
        inputs = what_goes_in(params, name, seed, corpus, model, config)
        history, diverged_at = [], None
        try:
            cell = f"{name}-{learning_rate}"
            about = {"model": name, "trial": {"learning_rate": learning_rate, "weight_decay": decay}}
            with trained(
                "tune", cell, model, corpus, config, seed=seed, inputs=inputs, about=about, root=root
            ) as result:
                history = result.history
        except DivergenceError as error:
            diverged_at = error.step
        trials.append(
            {
                "learning_rate": learning_rate,
                "weight_decay": decay,
                "validation_loss": history[-1]["validation_loss"] if history else None,
                "diverged_at": diverged_at,
                "history": history,
            }
        )
    steps = sum(trial["diverged_at"] or config.steps for trial in trials)
    return {
        "model": name,
        "learning_rate": learning_rate,
        "seed": seed,
        "steps": config.steps,
        "tokens": steps * config.tokens_per_step,
        "trials": trials,
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
