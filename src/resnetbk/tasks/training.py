"""Training on a task: the project's optimiser and schedule, fresh rows at every step, a loss on answers alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from resnetbk.models.language_model import LanguageModel
from resnetbk.params.tasks import Task
from resnetbk.tasks.batches import task_batch
from resnetbk.tasks.scores import answer_loss, score
from resnetbk.training.divergence import check_finite
from resnetbk.training.optimiser import build_optimiser
from resnetbk.training.schedule import learning_rate

Row = dict[str, float | int | None]


@dataclass(frozen=True)
class Recipe:
    """How weights are updated; `learning_rate` is the peak."""

    learning_rate: float
    weight_decay: float
    beta1: float
    beta2: float
    gradient_clip: float


def train_on_task(
    model: LanguageModel,
    task: Task,
    recipe: Recipe,
    *,
    steps: int,
    seed: int,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> list[Row]:
    """Train a model in place on rows of `task.length` tokens and return its validation curve.

    **Arguments:** `seed`: of the rows, which all models of one seed share; `on_step(steps_done, loss)` is told of
    each step.
    **Returns:** rows of step, validation_loss (nats an answer) and validation_accuracy on rows of
    `task.validation_multiple` times that length, `task.validations` of them at equal intervals, the last after the
    last step.
    **Raises:** `DivergenceError` when a loss, a gradient or the validation loss is not finite.
    """
    optimiser = build_optimiser(model, weight_decay=recipe.weight_decay, beta1=recipe.beta1, beta2=recipe.beta2)
    multiple = task.validation_multiple
    held_out = task_batch(
        task, "validation", seed=0, step=0, rows=task.validation_rows, length=multiple * task.length
    )
    due = {steps - place * steps // task.validations for place in range(task.validations)}
    curve: list[Row] = []
    model.train()
    for step in range(steps):
        rate = learning_rate(
            step,
            peak=recipe.learning_rate,
            minimum=task.final_learning_rate * recipe.learning_rate,
            warmup_steps=task.warmup_steps,
            steps=steps,
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        tokens_BL, labels_BL, _ = task_batch(
            task, "train", seed=seed, step=step, rows=task.batch_size, length=task.length
        )
        optimiser.zero_grad(set_to_none=True)
        loss = answer_loss(model(tokens_BL), labels_BL, task.label_smoothing)
        check_finite(loss.item(), "the training loss", step + 1, model, tokens_BL)
        (loss + model.auxiliary_loss()).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip).item()
        check_finite(norm, "the gradient norm", step + 1, model, tokens_BL)
        optimiser.step()
        if step + 1 in due:
            scores = score(model, held_out, rows=max(1, task.batch_size // multiple), buckets=1)
            check_finite(
                math.nan if scores["loss"] is None else scores["loss"],
                "the validation loss",
                step + 1,
                model,
                held_out.tokens_BL,
            )
            curve.append(
                {
                    "step": step + 1,
                    "validation_loss": scores["loss"],
                    "validation_accuracy": scores["accuracy"],
                }
            )
        on_step(step + 1, loss.item())
    return curve
