"""The training loop, the same for every model.

It is a pure function of its arguments: batches are found by their number, no global random state is read, and
nothing that a clock measures is kept. So a training that was killed and resumed ends with the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from signal import SIGTERM

import torch
from torch import nn

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Corpus, Split
from resnetbk.params.training import Train
from resnetbk.training.checkpoint import weights_hash
from resnetbk.training.clock import StepClock
from resnetbk.training.curves import curves
from resnetbk.training.gradient_cosine import blended_mixers, hybrid_cosine
from resnetbk.training.interruption import Interrupted
from resnetbk.training.journal import Journal
from resnetbk.training.launch import require_parts
from resnetbk.training.loss import next_token_loss
from resnetbk.training.measures import Measures
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.resume import ResumeState
from resnetbk.training.schedule import learning_rate
from resnetbk.training.step import optimiser_step
from resnetbk.training.world import World

Row = dict[str, float | int]


def train(
    model: nn.Module,
    corpus: Corpus,
    config: Train,
    *,
    seed: int,
    resume: ResumeState,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
    stop_signal: Callable[[], int] = lambda: 0,
    world: World = World(),  # noqa: B008 - frozen
    journal: Journal | None = None,
) -> list[Row]:
    """Train a model in place and return its history.

    **Arguments:** `corpus`: the packed corpus; `seed`: fixes the order of the data, which all models of one
    seed share; `resume`: where unfinished work is kept; `on_step(steps_done, loss)` is told of each step;
    `stop_signal()`: the number of the signal that asks the training to stop, 0 while none does; `world`: the
    processes that share the steps, of which the first alone saves; `journal`: told of every row, with the times.
    **Returns:** rows of step, tokens, loss, learning_rate, gradient_norm and `Measures` every `log_interval`
    steps, with hybrid_cosine where the model trains by a hybrid gradient (its cosine to the exact one, after the
    step), and of validation_loss every `validation_interval` steps and at the end. Losses in nats per token.
    **Raises:** `DivergenceError` when a loss or a gradient is not finite; `Interrupted` when it was asked to stop
    and has saved its state; `UserError` when the state cannot be saved, or a step has fewer
    parts than there are processes.
    """
    require_parts(config.accumulation, world.size)
    assert "tuned" not in (config.learning_rate, config.weight_decay), "rates have to be chosen before"
    optimiser = build_optimiser(model, weight_decay=config.weight_decay, beta1=config.beta1, beta2=config.beta2)
    progress = _load(resume, model, optimiser, world)
    history: list[Row] = progress["history"]
    training, validation = corpus.split("train"), corpus.split("validation")  # once: each is hashed when opened
    hybrid = bool(blended_mixers(model))
    journal = journal or Journal()
    journal.begin(progress["step"])
    clock = StepClock(next(model.parameters()).device)
    model.train()
    for step in range(progress["step"], config.steps):
        rate = learning_rate(
            step,
            peak=config.learning_rate,
            minimum=config.final_learning_rate * config.learning_rate,
            warmup_steps=config.warmup_steps,
            steps=config.steps,
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        done = step + 1
        logged = done % config.log_interval == 0 or done == config.steps
        measures = Measures(model) if logged and world.first else None
        clock.start()
        loss, gradient_norm = optimiser_step(
            model, optimiser, training, config, step=step, seed=seed, world=world, measures=measures, lap=clock.lap
        )
        tokens = done * config.tokens_per_step
        if logged:
            row = {
                "step": done,
                "tokens": tokens,
                "loss": loss,
                "learning_rate": rate,
                "gradient_norm": gradient_norm,
                **(measures.values if measures else {}),
            }
            if hybrid:
                first_part = training_batch(
                    training,
                    step=step * config.accumulation,
                    batch_size=config.batch_size,
                    length=config.length,
                    seed=seed,
                )
                row["hybrid_cosine"] = hybrid_cosine(model, *first_part)
            history.append(row)
            journal.points(done, tokens, curves(row, corpus.card) | clock.read(config.tokens_per_step))
        if done % config.validation_interval == 0 or done == config.steps:
            row = {"step": done, "tokens": tokens, "validation_loss": validation_loss(model, validation, config)}
            history.append(row)
            journal.points(done, tokens, curves(row, corpus.card))
        on_step(done, loss)
        number = stop_signal()
        stopping = world.stop_requested(number > 0)
        if stopping or done % config.checkpoint_interval == 0 or done == config.steps:
            if world.size > 1:
                world.require_same(f"the model after step {done}", weights_hash(model))
            if world.first:
                resume.save(model, optimiser, {"step": done, "history": history})
                journal.sync()
        if stopping:
            world.barrier()  # the launcher ends all processes once one has ended: not before it is saved
            raise Interrupted(number or SIGTERM, done)
    return history


def _load(resume: ResumeState, model: nn.Module, optimiser: torch.optim.Optimizer, world: World) -> dict:
    """Restore the state on every process, after the first has looked at it and set it aside if it is damaged."""
    if not world.first:
        world.barrier()
    progress = resume.load(model, optimiser) or {"step": 0, "history": []}
    if world.first:
        world.barrier()
    if world.size > 1:
        world.require_same("the state to start from", f"{progress['step']} {weights_hash(model)}")
    return progress


@torch.no_grad()
def validation_loss(model: nn.Module, split: Split, config: Train) -> float:
    """Return the mean loss (nats per token) over the first `validation_batches` batches of a split.

    The windows are the same for every model, seed and step.
    """
    model.eval()
    total = 0.0
    for number in range(config.validation_batches):
        tokens_BL, labels_BL = training_batch(
            split,
            step=number,
            batch_size=config.batch_size,
            length=config.length,
            seed=0,
        )
        total += next_token_loss(model(tokens_BL), labels_BL).item()
    model.train()
    return total / config.validation_batches
