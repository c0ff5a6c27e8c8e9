"""Normalisation: what is called a probability must be one, or a perplexity means nothing.

B batch, L length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from resnetbk.audit.check import Check

TOLERANCE = 1e-6


@torch.no_grad()
def check_normalisation(
    model: nn.Module,
    tokens_BL: torch.Tensor,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    *,
    vocabulary_size: int,
) -> Check:
    """Check that logits are finite, cover the vocabulary, and that probabilities sum to one.

    The sum is taken twice in float64: over softmax(logits) at every position, and over exp(-loss) of every
    token of the vocabulary at the first and the last position, through the training loss itself.

    **Arguments:** `tokens_BL`: int64 token ids; `loss`: the training loss, nats per token.
    **Returns:** a `Check`; `measured` holds the largest deviation from one of each sum.
    """
    mode = model.training
    model.eval()
    logits_BLV = model(tokens_BL)
    model.train(mode)
    expected = (*tokens_BL.shape, vocabulary_size)
    if tuple(logits_BLV.shape) != expected:
        return Check(False, f"logits have the shape {tuple(logits_BLV.shape)}; expected {expected}")
    broken_BL = ~torch.isfinite(logits_BLV).all(dim=-1)
    if broken_BL.any():
        row, position = broken_BL.nonzero()[0].tolist()
        count = int(broken_BL.sum())
        return Check(
            False,
            f"logits are not finite at {count} of {broken_BL.numel()} positions, first at position "
            f"{position} of row {row}",
            {"non_finite_positions": count, "first_position": position},
        )
    logits_BLV = logits_BLV.double()
    softmax_error = (torch.softmax(logits_BLV, dim=-1).sum(dim=-1) - 1).abs().max().item()
    every_token_V = torch.arange(vocabulary_size)
    sums = [
        sum(torch.exp(-loss(logits_11V, token.view(1, 1))).item() for token in every_token_V)
        for logits_11V in (logits_BLV[:1, :1], logits_BLV[-1:, -1:])
    ]
    loss_error = max(abs(total - 1) for total in sums)
    measured = {"softmax_error": softmax_error, "loss_error": loss_error, "tolerance": TOLERANCE}
    if not max(softmax_error, loss_error) <= TOLERANCE:
        return Check(
            False,
            f"probabilities sum to one only within {max(softmax_error, loss_error):.3g} "
            f"(softmax {softmax_error:.3g}, exp(-loss) {loss_error:.3g}; allowed {TOLERANCE:g})",
            measured,
        )
    return Check(True, f"probabilities sum to one within {TOLERANCE:g} and every logit is finite", measured)
