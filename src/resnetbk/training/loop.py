"""The training loop, the same for every model.

It is a pure function of its arguments: batches are found by their number, no global random state is read, and
nothing that a clock measures is kept. So a training that was killed and resumed ends with the same bits.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Corpus, Split
from resnetbk.params import Train
from resnetbk.training.checkpoint import ResumeState
from resnetbk.training.loss import next_token_loss
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.schedule import learning_rate
from resnetbk.training.step import optimiser_step

Row = dict[str, float | int]


def train(
    model: nn.Module,
    corpus: Corpus,
    config: Train,
    *,
    seed: int,
    resume: ResumeState,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> list[Row]:
    """Train a model in place and return its history.

    **Arguments:** `corpus`: the packed corpus; `seed`: fixes the order of the data, which all models of one
    seed share; `resume`: where unfinished work is kept; `on_step(steps_done, loss)` is told of each step.
    **Returns:** rows of step, tokens, loss, learning_rate and gradient_norm every `log_interval` steps, and of
    validation_loss every `validation_interval` steps and at the end. Losses in nats per token.
    **Raises:** `DivergenceError` when a loss or a gradient is not finite.
    """
    optimiser = build_optimiser(model, weight_decay=config.weight_decay, beta1=config.beta1, beta2=config.beta2)
    progress = resume.load(model, optimiser) or {"step": 0, "history": []}
    history: list[Row] = progress["history"]
    training, validation = corpus.split("train"), corpus.split("validation")  # once: each is hashed when opened
    model.train()
    for step in range(progress["step"], config.steps):
        rate = learning_rate(
            step,
            peak=config.learning_rate,
            minimum=config.minimum_learning_rate,
            warmup_steps=config.warmup_steps,
            steps=config.steps,
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss, gradient_norm = optimiser_step(model, optimiser, training, config, step=step, seed=seed)
        done = step + 1
        tokens = done * config.batch_size * config.accumulation * config.length
        if done % config.log_interval == 0 or done == config.steps:
            history.append(
                {
                    "step": done,
                    "tokens": tokens,
                    "loss": loss,
                    "learning_rate": rate,
                    "gradient_norm": gradient_norm,
                }
            )
        if done % config.validation_interval == 0 or done == config.steps:
            history.append(
                {"step": done, "tokens": tokens, "validation_loss": validation_loss(model, validation, config)}
            )
        on_step(done, loss)
        if done % config.checkpoint_interval == 0 and done < config.steps:
            resume.save(model, optimiser, {"step": done, "history": history})
    return history


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
