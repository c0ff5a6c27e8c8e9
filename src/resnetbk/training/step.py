"""One optimiser step over the batches of that step."""

from __future__ import annotations

import torch
from torch import nn

from resnetbk.data.batches import training_batch
from resnetbk.data.corpus import Split
from resnetbk.params import Train
from resnetbk.training.divergence import check_finite
from resnetbk.training.loss import next_token_loss


def optimiser_step(
    model: nn.Module, optimiser: torch.optim.Optimizer, split: Split, config: Train, *, step: int, seed: int
) -> tuple[float, float]:
    """Take one optimiser step over `accumulation` batches; return its loss and gradient norm before clipping."""
    optimiser.zero_grad(set_to_none=True)
    total = 0.0
    for part in range(config.accumulation):
        tokens_BL, labels_BL = training_batch(
            split,
            step=step * config.accumulation + part,
            batch_size=config.batch_size,
            length=config.length,
            seed=seed,
        )
        loss = next_token_loss(model(tokens_BL), labels_BL)
        total += loss.item()
        check_finite(total, "the training loss", step + 1, model, tokens_BL)
        ((loss + model.auxiliary_loss()) / config.accumulation).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip).item()
    check_finite(norm, "the gradient norm", step + 1, model, tokens_BL)
    optimiser.step()
    return total / config.accumulation, norm
