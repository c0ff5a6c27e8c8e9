"""The effective receptive field: how far back the inputs stand on which a prediction depends.

For windows of the test split, the gradient of the last prediction's loss with respect to the embedding of every
token before it; its norm, by distance. Distance 0 is the token that the prediction follows on. A model that is
stable to a million tokens may still see four: this measures what it sees.

Source: Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", 2016.

B windows side by side, L length of a window, D model width.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnetbk.data.corpus import Split
from resnetbk.evaluation.positions import bucket, first_of
from resnetbk.models.language_model import LanguageModel

HELD = 0.9  # the share of the gradient within `distance_90`


def receptive_field(
    model: LanguageModel, split: Split, *, length: int, windows: int, batch_size: int
) -> dict[str, Any]:
    """Measure the gradient of a prediction by distance, averaged over windows spread evenly over a split.

    **Arguments:** `length`: tokens of a window, fewer than the split has; `batch_size`: windows at a time.
    **Returns:** length, windows, mean_distance (tokens, weighted by the gradient's norm), distance_90 (the
    smallest within which 90 % of the norm lies), non_finite (norms that are not finite), and by_distance: rows of
    distance (the first of a bucket, see `resnetbk.evaluation.positions`), gradient_norm (the mean in it) and share
    (of the sum over all distances).
    """
    starts = np.linspace(0, len(split) - 1 - length, windows).astype(np.int64)
    total_L = np.zeros(length)
    for first in range(0, windows, batch_size):
        rows = np.stack([split.tokens[s : s + length + 1] for s in starts[first : first + batch_size]])
        total_L += gradient_norms(model, torch.from_numpy(rows.astype(np.int64))).sum(0)
    mean_L = total_L[::-1] / windows  # by distance
    return {"length": length, "windows": windows, **profile(mean_L)}


def gradient_norms(model: LanguageModel, rows_BL: Tensor) -> np.ndarray:
    """Return the norm of the gradient of each row's last loss by the embedding of each of its inputs.

    The model's own gradients are left alone.

    **Arguments:** `rows_BL`: int64 token ids, inputs and, as the last, the label.
    **Returns:** float64 [B, L - 1].
    """
    embedded: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[0]

    mode = model.training
    model.eval()
    hook = token_embedding(model).register_forward_hook(keep)
    try:
        logits_BV = model(rows_BL[:, :-1])[:, -1]
    finally:
        hook.remove()
        model.train(mode)
    loss = F.cross_entropy(logits_BV, rows_BL[:, -1], reduction="sum")  # rows do not meet
    (gradient_BLD,) = torch.autograd.grad(loss, embedded)
    return np.sqrt(np.square(gradient_BLD.numpy().astype(np.float64)).sum(-1))


def profile(norm_L: np.ndarray) -> dict[str, Any]:
    """Summarise gradient norms by distance: see `receptive_field`."""
    non_finite = int(np.count_nonzero(~np.isfinite(norm_L)))
    total = math.fsum(norm_L) if not non_finite else math.nan
    distance_L = np.arange(len(norm_L))
    usable = total > 0  # false for NaN: there is no distance to speak of
    rows = []
    for number in range(bucket(distance_L[-1:])[0] + 1):
        inside = norm_L[bucket(distance_L) == number]
        rows.append(
            {
                "distance": first_of(number),
                "gradient_norm": float(inside.mean()),
                "share": float(inside.sum() / total) if usable else None,
            }
        )
    return {
        "mean_distance": math.fsum(norm_L * distance_L) / total if usable else None,
        "distance_90": int(np.searchsorted(np.cumsum(norm_L), HELD * total)) if usable else None,
        "non_finite": non_finite,
        "by_distance": rows,
    }


def token_embedding(model: LanguageModel) -> nn.Embedding:
    """Return the table of a model that token ids look up: its first."""
    return next(module for module in model.modules() if isinstance(module, nn.Embedding))
