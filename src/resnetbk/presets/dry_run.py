"""Try a model without its run: build it, take one training step on a short row, count what a whole one costs.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from resnetbk.errors import UserError
from resnetbk.models.language_model import LanguageModel
from resnetbk.models.registry import build_model, count_parameters
from resnetbk.presets.workload import Shape
from resnetbk.training.costs import Costs, count_costs
from resnetbk.training.live_memory import LiveMemory
from resnetbk.training.loss import next_token_loss
from resnetbk.training.optimiser import build_optimiser

SHORT = 128  # tokens of the row that a model takes its step on
COUNTED = 5_000_000_000  # parameters x tokens: larger parts are estimated from shorter ones
LENGTHS = (64, 128)  # tokens of the shorter ones


class Tried(NamedTuple):
    """A model that was tried: its parameters, the loss of one step, and what a part of its shape costs."""

    parameters: int
    loss: float
    costs: Costs


@cache  # presets share most of their models
def dry_run(shape: Shape) -> Tried:
    """Build a model, take a training step on one short row of random tokens, and count a part at its shape.

    **Returns:** the costs are those of one part: forward, backward, AdamW; of a large one, an estimate.
    **Raises:** `UserError` when the model cannot be built, or the step leaves a weight without a gradient, or one
    that is not finite.
    """
    model = build_model(shape.config, shape.vocabulary_size, shape.parameter_budget, seed=0)
    if shape.parameter_budget * shape.batch * shape.length <= COUNTED:
        costs = count_costs(model, *_batch(shape, shape.batch, shape.length))
    else:
        costs = extrapolated(model, shape)
    loss = take_step(model, *_batch(shape, 1, min(SHORT, shape.length)))
    return Tried(count_parameters(model)["total"], loss, costs)


def extrapolated(model: LanguageModel, shape: Shape) -> Costs:
    """Estimate what a part costs from single rows of two short lengths.

    Operations are a multiple of the length plus, for attention, one of its square, which two lengths tell apart.
    Memory is that of weights, gradients and AdamW's two moments, and of activations, a multiple of the tokens.
    """
    tokens = shape.batch * shape.length
    rows = [_batch(shape, 1, length) for length in LENGTHS]
    short, long = (count_costs(model, *row) for row in rows)

    def flops(key: Literal["forward_flops", "backward_flops"]) -> int:
        square, linear = np.polyfit(LENGTHS, [short[key] / LENGTHS[0], long[key] / LENGTHS[1]], 1)
        return round(tokens * (linear + square * shape.length))

    less, more = (_activations(model, *row) for row in rows)
    fixed = 4 * sum(weight.nbytes for weight in model.parameters())
    return {
        "forward_flops": flops("forward_flops"),
        "backward_flops": flops("backward_flops"),
        "peak_memory_bytes": fixed + round((more - less) / (LENGTHS[1] - LENGTHS[0]) * tokens),
    }


def _activations(model: LanguageModel, tokens_BL: Tensor, labels_BL: Tensor) -> int:
    """Return the bytes of what a forward pass keeps, as the loss's own gradient is taken, and a constant."""
    with LiveMemory([]) as memory:
        logits_BLV = model(tokens_BL)
        loss, edge = next_token_loss(logits_BLV, labels_BL), get_gradient_edge(logits_BLV)
        del logits_BLV  # as in a training step, where the loss keeps what it needs of them
        torch.autograd.grad(loss, edge)
    return memory.peak


def _batch(shape: Shape, rows: int, length: int) -> tuple[Tensor, Tensor]:
    """Return tokens and labels [rows, length] drawn at random, the same each time."""
    generator = torch.Generator().manual_seed(0)
    rows_BL = torch.randint(shape.vocabulary_size, (rows, length + 1), generator=generator)
    return rows_BL[:, :-1].contiguous(), rows_BL[:, 1:].contiguous()


def take_step(model: LanguageModel, tokens_BL: Tensor, labels_BL: Tensor) -> float:
    """Take one training step and return its loss (nats per token).

    **Raises:** `UserError` when a weight gets no gradient, or one that is not finite.
    """
    optimiser = build_optimiser(model, weight_decay=0.1, beta1=0.9, beta2=0.95)
    loss = next_token_loss(model(tokens_BL), labels_BL)
    (loss + model.auxiliary_loss()).backward()
    for name, weight in model.named_parameters():
        if weight.grad is None or not weight.grad.isfinite().all():
            found = "no gradient" if weight.grad is None else "a gradient that is not finite"
            raise UserError(f"{name} got {found} in one training step")
    optimiser.step()
    if not all(weight.isfinite().all() for weight in model.parameters()):
        raise UserError("a weight is not finite after one training step")
    return loss.item()
