"""Causality by gradient: earlier logits must have no derivative at all in the embedding of a later token.

Perturbation tries one future; the gradient looks in every direction at once, if only to first order.

B batch, L length, V vocabulary, D model width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from resnetbk.audit.check import Check
from resnetbk.audit.conditions import conditions, cut_positions


class _EmbeddingLeaves(TorchFunctionMode):
    """Makes the result of every embedding lookup of the tokens a leaf that takes a gradient."""

    def __init__(self, tokens_BL: torch.Tensor) -> None:
        super().__init__()
        self.tokens_BL = tokens_BL
        self.leaves: list[torch.Tensor] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function is F.embedding:
            indices = args[0] if args else kwargs["input"]
            if indices.shape == self.tokens_BL.shape and torch.equal(indices, self.tokens_BL):
                result = result.detach().requires_grad_(True)
                self.leaves.append(result)
        return result


def check_causality_gradient(model: nn.Module, tokens_BL: torch.Tensor, *, seed: int) -> Check:
    """Differentiate the logits before a cut by the embeddings from the cut on: exactly zero, at several cuts.

    The logits are summed with random weights, so that a leak whose derivatives cancel in a plain sum is seen.

    **Arguments:** `tokens_BL`: int64 token ids, L >= 2; `seed`: of those weights.
    **Returns:** a `Check`; `measured` holds the largest derivative in a future embedding (must be 0) and in a
    past one (must not be 0, else nothing was tested).
    """
    cuts = cut_positions(tokens_BL.shape[1])
    generator = np.random.Generator(np.random.PCG64(seed))
    past = 0.0
    for condition, forward in conditions(model, seed):
        with torch.enable_grad(), _EmbeddingLeaves(tokens_BL) as embedding:
            logits_BLV = forward(tokens_BL)
        if not embedding.leaves:
            return Check(
                False,
                "the model looks its tokens up by something other than torch.nn.functional.embedding, so its "
                "derivatives cannot be audited; use nn.Embedding",
            )
        weights_BLV = torch.from_numpy(generator.standard_normal(logits_BLV.shape)).to(logits_BLV.dtype)
        for cut in cuts:
            total = (logits_BLV[:, :cut] * weights_BLV[:, :cut]).sum()
            gradients = torch.autograd.grad(total, embedding.leaves, retain_graph=True, allow_unused=True)
            for gradient_BLD in gradients:
                if gradient_BLD is None:
                    continue
                size_BL = gradient_BLD.detach().abs().amax(dim=-1)
                future = size_BL[:, cut:].max().item()
                if future != 0.0:
                    token = cut + int((size_BL[:, cut:] != 0).any(dim=0).nonzero()[-1])
                    return Check(
                        False,
                        f"logits before position {cut} have a derivative of up to {future:.3g} in the "
                        f"embeddings of later tokens, the last of them token {token} ({condition})",
                        {
                            "cuts": len(cuts),
                            "cut": cut,
                            "furthest_token": token,
                            "largest_future_derivative": future,
                        },
                    )
                past = max(past, size_BL[:, :cut].max().item())
    if past == 0.0:
        return Check(False, "the logits have no derivative in any embedding: the model ignores its tokens")
    return Check(
        True,
        f"logits before each of {len(cuts)} cuts have no derivative in any later embedding",
        {"cuts": len(cuts), "largest_future_derivative": 0.0, "largest_past_derivative": past},
    )
