"""How far the hybrid gradient of a model is from its exact one, measured where it trains.

B batch, L length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from resnetbk.models.language_model import LanguageModel
from resnetbk.training.loss import next_token_loss


def blended_mixers(model: LanguageModel) -> list[nn.Module]:
    """Return the mixers of a model whose gradient is not the exact one; none is the usual case."""
    return [module for module in model.modules() if getattr(module, "hybrid_gradient", 0.0) > 0]


def hybrid_cosine(model: LanguageModel, tokens_BL: Tensor, labels_BL: Tensor) -> float:
    """Compare the gradient that a model trains by with the exact gradient, over all its parameters.

    The model, its gradients and its mode stay as they were.

    **Arguments:** `tokens_BL`, `labels_BL`: int64, one part of a step.
    **Returns:** the cosine of the angle between the two, in [-1, 1].
    """
    hybrid = _gradient(model, tokens_BL, labels_BL)
    with _exact(blended_mixers(model)):
        exact = _gradient(model, tokens_BL, labels_BL)
    return torch.cosine_similarity(exact, hybrid, dim=0).item()


def _gradient(model: LanguageModel, tokens_BL: Tensor, labels_BL: Tensor) -> Tensor:
    loss = next_token_loss(model(tokens_BL), labels_BL) + model.auxiliary_loss()
    gradients = torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True, allow_unused=True)
    return torch.cat([gradient.flatten() for gradient in gradients]).double()


@contextmanager
def _exact(mixers: list[nn.Module]) -> Iterator[None]:
    """Within the block, mixers take the exact gradient."""
    blends = [mixer.hybrid_gradient for mixer in mixers]
    for mixer in mixers:
        mixer.hybrid_gradient = 0.0
    try:
        yield
    finally:
        for mixer, blend in zip(mixers, blends, strict=True):
            mixer.hybrid_gradient = blend
