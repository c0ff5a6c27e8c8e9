"""One optimiser step over the batches of that step, its parts, by one process or several.

Part p belongs to process p mod W: they compute W parts at a time, and losses and gradients are added in the
order of the parts, whoever computed them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Split
from resnetbk.params.training import Train
from resnetbk.training.clock import Phase
from resnetbk.training.data_parallel import GradientSum
from resnetbk.training.divergence import check_finite
from resnetbk.training.loss import next_token_loss
from resnetbk.training.measures import Measures
from resnetbk.training.world import World


def optimiser_step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    split: Split,
    config: Train,
    *,
    step: int,
    seed: int,
    world: World = World(),  # noqa: B008 - frozen
    measures: Measures | None = None,
    lap: Callable[[Phase], None] = lambda phase: None,
) -> tuple[float, float]:
    """Take one optimiser step over `accumulation` batches; return its loss and gradient norm before clipping.

    **Arguments:** `step`: 0-based; `seed`: of the order of the data; `world`: the processes that share the parts;
    `measures`: what looks on, on the first process of a logged step; `lap(phase)` is told when a phase ends.
    **Returns:** the mean loss of the parts (nats per token) and the norm, the same on every process.
    **Raises:** `DivergenceError`, on every process, when a loss or the norm is not finite.
    """

    def batch(part: int) -> tuple[Tensor, Tensor]:
        return training_batch(
            split,
            step=step * config.accumulation + part,
            batch_size=config.batch_size,
            length=config.length,
            seed=seed,
        )

    optimiser.zero_grad(set_to_none=True)
    gradients = GradientSum(model.parameters(), world)
    total = 0.0
    for first in range(0, config.accumulation, world.size):
        parts = range(first, min(first + world.size, config.accumulation))
        mine = first + world.rank
        if mine in parts:
            tokens_BL, labels_BL = batch(mine)
            lap("data")
            with measures.of_forward() if measures and mine == 0 else nullcontext():
                loss = next_token_loss(model(tokens_BL), labels_BL)
        values = world.gather(loss.item() if mine in parts else math.nan)
        lap("forward")
        for part, value in zip(parts, values, strict=False):
            total += value
            if not math.isfinite(total):
                check_finite(total, "the training loss", step + 1, model, batch(part)[0])
        if mine in parts:
            ((loss + model.auxiliary_loss()) / config.accumulation).backward()
        gradients.add(len(parts))
        lap("backward")
    gradients.finish()
    if measures:
        measures.of_gradients()
    parameters = [parameter for parameter in model.parameters() if parameter.grad is not None]
    norm = get_total_norm([parameter.grad for parameter in parameters])
    if not math.isfinite(norm.item()):
        check_finite(norm.item(), "the gradient norm", step + 1, model, batch(config.accumulation - 1)[0])
    clip_grads_with_norm_(parameters, config.gradient_clip, norm)
    lap("backward")
    with measures.of_update() if measures else nullcontext():
        optimiser.step()
    lap("optimiser")
    return total / config.accumulation, norm.item()
